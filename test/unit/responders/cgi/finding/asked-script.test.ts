/** Which script web servers mean, in the variables that each of them sends, and what the script is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  askedScript,
  furtherInPathInfo,
  scriptVariables,
} from '../../../../../src/responders/cgi/finding/asked-script.ts';

type Sent = Readonly<Record<string, string>>;

function variables(sent: Sent): Map<string, Buffer> {
  return new Map(Object.entries(sent).map(([name, value]) => [name, Buffer.from(value)]));
}

function asked(sent: Sent) {
  const found = askedScript(variables(sent));
  assert.ok(found !== null, JSON.stringify(sent));
  return found;
}

const ROWS: readonly (readonly [who: string, sent: Sent, path: string, name: string])[] = [
  [
    'SCRIPT_FILENAME goes before all',
    { SCRIPT_FILENAME: '/a/x.cgi', DOCUMENT_ROOT: '/srv', SCRIPT_NAME: '/cgi/x.cgi' },
    '/a/x.cgi',
    '/cgi/x.cgi',
  ],
  ['DOCUMENT_ROOT and SCRIPT_NAME', { DOCUMENT_ROOT: '/srv', SCRIPT_NAME: '/x.cgi' }, '/srv/x.cgi', '/x.cgi'],
  ['a slash too many', { DOCUMENT_ROOT: '/srv//', SCRIPT_NAME: '/x.cgi' }, '/srv/x.cgi', '/x.cgi'],
  [
    'one too few, as in the manual of fcgiwrap',
    { DOCUMENT_ROOT: '/srv/cgit', SCRIPT_NAME: 'cgit' },
    '/srv/cgit/cgit',
    'cgit',
  ],
  [
    "nginx's scgi_params",
    { DOCUMENT_ROOT: '/srv', DOCUMENT_URI: '/x.cgi/a', REQUEST_URI: '/x.cgi/a?b' },
    '/srv/x.cgi/a',
    '/x.cgi/a',
  ],
  [
    'a file below the document root, and no SCRIPT_NAME',
    { DOCUMENT_ROOT: '/srv/', SCRIPT_FILENAME: '/srv/x.cgi' },
    '/srv/x.cgi',
    '/x.cgi',
  ],
  ['a file beside it', { DOCUMENT_ROOT: '/srv', SCRIPT_FILENAME: '/srv2/x.cgi' }, '/srv2/x.cgi', ''],
  ['Apache', { SCRIPT_FILENAME: 'proxy:fcgi://localhost:9000/srv/x.cgi?a=b' }, '/srv/x.cgi', ''],
  [
    'Apache by a Unix socket',
    { SCRIPT_FILENAME: 'proxy:unix:/run/cgi.sock|fcgi://localhost/srv/x.cgi' },
    '/srv/x.cgi',
    '',
  ],
  ['a name that only looks like it', { SCRIPT_FILENAME: 'public/x.cgi?' }, 'public/x.cgi?', ''],
];

for (const [who, sent, path, name] of ROWS)
  void test(`the script: ${who}`, () => {
    const found = asked(sent);
    assert.equal(found.path.toString(), path);
    assert.equal(found.name.toString(), name);
  });

for (const sent of [
  {},
  { SCRIPT_FILENAME: '' },
  { DOCUMENT_ROOT: '/srv' },
  { SCRIPT_NAME: '/x', DOCUMENT_ROOT: '' },
])
  void test(`no script is named by ${JSON.stringify(sent)}`, () => {
    assert.equal(askedScript(variables(sent)), null);
  });

function told(sent: Sent, rest: string): Record<string, string> {
  const corrected = scriptVariables(variables(sent), asked(sent), Buffer.from(rest));
  return Object.fromEntries([...corrected].map(([name, value]) => [name, value.toString()]));
}

void test('what follows the script becomes PATH_INFO, and leaves the other two', () => {
  const sent = { DOCUMENT_ROOT: '/srv', SCRIPT_NAME: '/cgi/x.cgi/a/b' };
  assert.deepEqual(told(sent, '/a/b'), {
    SCRIPT_FILENAME: '/srv/cgi/x.cgi',
    SCRIPT_NAME: '/cgi/x.cgi',
    PATH_INFO: '/a/b',
    PATH_TRANSLATED: '/srv/a/b',
  });
});

void test("a SCRIPT_NAME without what follows the script stays, and the disk goes before the web server's PATH_INFO", () => {
  const sent = {
    SCRIPT_FILENAME: '/srv/x.cgi/a',
    SCRIPT_NAME: '/x.cgi',
    PATH_INFO: '',
    DOCUMENT_ROOT: '/srv',
  };
  const { SCRIPT_NAME, PATH_INFO } = told(sent, '/a');
  assert.deepEqual([SCRIPT_NAME, PATH_INFO], ['/x.cgi', '/a']);
});

void test('a PATH_INFO of the web server is kept, and translated where it did not do that', () => {
  const sent = { SCRIPT_FILENAME: '/srv/x.cgi', PATH_INFO: '/a', DOCUMENT_ROOT: '/srv' };
  assert.deepEqual(told(sent, '').PATH_TRANSLATED, '/srv/a');
  assert.equal(told({ ...sent, PATH_TRANSLATED: '/elsewhere/a' }, '').PATH_TRANSLATED, undefined);
});

void test('a translation of another PATH_INFO is not kept', () => {
  const sent = { SCRIPT_FILENAME: '/srv/x.cgi/b', PATH_INFO: '/a', PATH_TRANSLATED: '/t/a' };
  const { PATH_INFO, PATH_TRANSLATED } = told(sent, '/b');
  assert.deepEqual([PATH_INFO, PATH_TRANSLATED], ['/b', '']);
});

void test('a directory with a PATH_INFO: the script is further on', () => {
  const sent = {
    SCRIPT_FILENAME: '/srv/cgi',
    SCRIPT_NAME: '/cgi',
    PATH_INFO: '/x.cgi/a',
    DOCUMENT_ROOT: '/srv',
  };
  const further = furtherInPathInfo(asked(sent));
  assert.ok(further !== null);
  assert.equal(further.path.toString(), '/srv/cgi/x.cgi/a');
  const corrected = scriptVariables(variables(sent), further, Buffer.from('/a'));
  assert.equal(corrected.get('SCRIPT_NAME')?.toString(), '/cgi/x.cgi');
  assert.equal(corrected.get('PATH_INFO')?.toString(), '/a');
  const alone = scriptVariables(variables({ ...sent, PATH_INFO: '/x.cgi' }), further, Buffer.alloc(0));
  assert.equal(alone.get('PATH_INFO')?.toString(), '', 'the one that was sent is used up');
  assert.equal(furtherInPathInfo(further), null);
});

const SCRIPT = { SCRIPT_FILENAME: '/srv/www/a.cgi', SCRIPT_NAME: '/a.cgi' };
const PATHS: readonly [name: string, sent: Sent, rest: string, told: Sent][] = [
  [
    "nginx's PATH_TRANSLATED stands for nothing where there is no PATH_INFO",
    { ...SCRIPT, DOCUMENT_ROOT: '/srv/www', PATH_INFO: '', PATH_TRANSLATED: '/srv/www' },
    '',
    { ...SCRIPT, PATH_INFO: '', PATH_TRANSLATED: '' },
  ],
  [
    "the slash of lighttpd's broken-scriptfilename is no PATH_INFO",
    { ...SCRIPT, SCRIPT_FILENAME: '/srv/www/a.cgi/', DOCUMENT_ROOT: '/srv/www' },
    '/',
    SCRIPT,
  ],
  [
    'a slash that the client has sent is one',
    { SCRIPT_FILENAME: '/srv/www/a.cgi/', SCRIPT_NAME: '/a.cgi/', DOCUMENT_ROOT: '/srv/www' },
    '/',
    { ...SCRIPT, PATH_INFO: '/', PATH_TRANSLATED: '/srv/www/' },
  ],
  [
    'and so it is where the web server says so',
    { ...SCRIPT, SCRIPT_FILENAME: '/srv/www/a.cgi/', PATH_INFO: '/', PATH_TRANSLATED: '/srv/www/' },
    '/',
    SCRIPT,
  ],
];
for (const [name, sent, rest, expected] of PATHS)
  void test(name, () => assert.deepEqual(told(sent, rest), expected));
