/** Which file is run for a path, and which never is, by real files, links and devices. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  linkSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FpmError } from '../../../../../src/errors.ts';
import { ask, identityOf, locatorFor, openDescriptors, writeScript } from '../../../../lib/cgi-tree.ts';
import { TEMPORARY } from '../../../../lib/place.ts';

const dir = realpathSync(mkdtempSync(join(TEMPORARY, 'fpm-ts-locate-')));
after(() => rmSync(dir, { recursive: true, force: true }));
chmodSync(dir, 0o755);
const at = (path: string): string => `${dir}/${path}`;
const link = (target: string, path: string): void => symlinkSync(target, at(path));

writeScript(at('cgi/a.cgi'));
writeScript(at('cgi/deep/er/b.cgi'));
writeScript(at('other/c.cgi'));
writeScript(at('outside/secret.cgi'));
writeScript(at('cgi/none.cgi'), undefined, 0o644);
writeScript(at('cgi/nph-old.cgi'));
writeScript(at('cgi/-'));
writeScript(at('cgi/new\nline.cgi'));
writeScript(at('cgi/per%63ent "quoted" $(x).cgi'));
writeScript(at('cgi/x.cgi/.pl'));
writeScript(at('cgi/dot.cgi.'));
writeScript(at('cgi/UPPER.CGI'));
writeScript(at('cgi/trailing.cgi '));
writeFileSync(
  Buffer.concat([Buffer.from(`${dir}/cgi/`), Buffer.of(0xff, 0xfe), Buffer.from('.cgi')]),
  '#!/bin/sh\n',
  {
    mode: 0o755,
  },
);
linkSync(at('outside/secret.cgi'), at('cgi/hard.cgi'));
link('a.cgi', 'cgi/relative');
link(at('cgi/a.cgi'), 'cgi/absolute');
link('../a.cgi', 'cgi/deep/upwards');
link(at('other/c.cgi'), 'cgi/to-other');
link('deep', 'cgi/way');
link(at('cgi'), 'by-another-name');
link('../outside', 'cgi/way-out');
link(at('outside/secret.cgi'), 'cgi/out');
link('../outside/missing', 'cgi/out-and-missing');
link('missing', 'cgi/dangling');
link('ring-2', 'cgi/ring-1');
link('ring-1', 'cgi/ring-2');
link('/proc/self/root', 'cgi/magic-root');
link(`/proc/${process.pid}/cwd`, 'cgi/magic-cwd');
link(`/proc/self/root${at('cgi/a.cgi')}`, 'cgi/magic-file');
link('/dev/null', 'cgi/null');
link('../cgi', 'cgi/itself');
for (let i = 0; i < 39; i++) link(i === 0 ? 'a.cgi' : `chain-${i - 1}`, `cgi/chain-${i}`);
execFileSync('mkfifo', [at('cgi/fifo')]);

const locator = locatorFor({ roots: [at('cgi'), at('other')] });
after(() => locator.close());

const FOUND: readonly (readonly [asked: string, path: string, pathInfo?: string])[] = [
  ['cgi/a.cgi', 'cgi/a.cgi'],
  ['cgi/a.cgi/', 'cgi/a.cgi', '/'],
  ['cgi/a.cgi/x/y', 'cgi/a.cgi', '/x/y'],
  ['cgi/a.cgi//x//', 'cgi/a.cgi', '//x//'],
  ['cgi/a.cgi/../../b', 'cgi/a.cgi', '/../../b'],
  ['cgi/deep/er/b.cgi/i', 'cgi/deep/er/b.cgi', '/i'],
  ['cgi//deep/./er///b.cgi', 'cgi/deep/er/b.cgi'],
  ['cgi/deep/../a.cgi', 'cgi/a.cgi'],
  ['outside/../cgi/a.cgi', 'cgi/a.cgi'],
  ['cgi/../other/c.cgi/i', 'other/c.cgi', '/i'],
  ['cgi/relative', 'cgi/a.cgi'],
  ['cgi/relative/i', 'cgi/a.cgi', '/i'],
  ['cgi/absolute/i', 'cgi/a.cgi', '/i'],
  ['cgi/deep/upwards', 'cgi/a.cgi'],
  ['cgi/to-other/i', 'other/c.cgi', '/i'],
  ['cgi/way/er/b.cgi/i', 'cgi/deep/er/b.cgi', '/i'],
  ['cgi/way/../a.cgi', 'cgi/a.cgi'],
  ['by-another-name/a.cgi/i', 'cgi/a.cgi', '/i'],
  ['cgi/itself/itself/a.cgi', 'cgi/a.cgi'],
  ['cgi/chain-38', 'cgi/a.cgi'],
  ['cgi/-', 'cgi/-'],
  ['cgi/new\nline.cgi', 'cgi/new\nline.cgi'],
  ['cgi/per%63ent "quoted" $(x).cgi', 'cgi/per%63ent "quoted" $(x).cgi'],
  ['cgi/hard.cgi', 'cgi/hard.cgi'], // it stands there: who may make a hard link has the file
  ['cgi/way-out/../cgi/a.cgi', 'cgi/a.cgi'],
];

for (const [asked, path, pathInfo = ''] of FOUND)
  void test(`found: ${JSON.stringify(asked)}`, () => {
    const outcome = ask(locator, at(asked));
    assert.deepEqual(
      { path: outcome.path, pathInfo: outcome.pathInfo, file: outcome.file, reason: outcome.reason },
      { path: at(path), pathInfo, file: identityOf(at(path)), reason: '' },
    );
    assert.equal(outcome.directory, identityOf(join(at(path), '..')));
  });

const REFUSED: readonly (readonly [asked: string, status: number, reason: RegExp])[] = [
  ['cgi/missing.cgi', 404, /missing\.cgi does not exist$/],
  ['cgi/missing/a.cgi', 404, /does not exist$/],
  ['cgi/A.CGI', 404, /does not exist$/],
  ['cgi/dangling', 404, /does not exist$/],
  ['cgi', 403, /cgi\/? is a directory/],
  ['cgi/', 403, /is a directory/],
  ['cgi/.', 403, /is a directory/],
  ['cgi/deep', 403, /is a directory/],
  ['cgi/deep/', 403, /is a directory/],
  ['cgi/way', 403, /is a directory/],
  ['cgi/fifo', 403, /is a fifo/],
  ['cgi/null', 403, /\/dev\/null is below none of the directories that --root names/],
  ['outside/secret.cgi', 403, /secret\.cgi is below none/],
  ['outside/missing.cgi', 403, /missing\.cgi is below none/],
  ['cgi/../outside/secret.cgi', 403, /is below none/],
  ['cgi/../../../../../../../../etc/passwd', 403, /is below none/],
  ['cgi/deep/../../outside/secret.cgi', 403, /is below none/],
  ['cgi/out', 403, /cgi\/out, by its links .*\/outside\/secret\.cgi is below none/],
  ['cgi/out/i', 403, /is below none/],
  ['cgi/out-and-missing', 404, /does not exist$/],
  ['cgi/way-out/secret.cgi', 403, /is below none/],
  ['cgi/way-out', 403, /is below none/],
  ['cgi2/a.cgi', 403, /is below none/],
  ['cgi/ring-1', 403, /links that go in a circle, or through \/proc/],
  ['cgi/magic-root/etc/passwd', 403, /or through \/proc/],
  ['cgi/magic-cwd/package.json', 403, /or through \/proc/],
  [
    'cgi/none.cgi',
    403,
    /none\.cgi may not be executed by uid \d+: chmod \+x it, or name what runs it by --interpreter/,
  ],
  ['cgi/nph-old.cgi', 501, /nph-/],
  [`cgi/${'n'.repeat(256)}`, 404, /longer than one may be/],
  [`cgi/${'n'.repeat(5000)}/a`, 404, /longer than one may be/],
  ['cgi/a.cgi\0.png', 404, /does not exist$/],
];

for (const [asked, status, reason] of REFUSED)
  void test(`refused with ${status}: ${JSON.stringify(asked.slice(0, 60))}`, () => {
    const outcome = ask(locator, at(asked));
    assert.equal(outcome.status, status, JSON.stringify(outcome));
    assert.match(outcome.reason, reason);
    assert.doesNotMatch(outcome.reason, /\p{Cc}/u);
    assert.ok(outcome.reason.length < 1000);
  });

void test('what only looks like a path below a root is none', () => {
  const outcomes = [
    `/proc/self/root${at('outside/secret.cgi')}`,
    `/proc/self/cwd/package.json`,
    '/proc/self/fd/0',
    '/dev/null',
    'cgi/a.cgi',
    '//',
  ].map(path => ask(locator, path).status);
  assert.deepEqual(outcomes, [403, 403, 403, 403, 403, 403]);
  // The same file, by a magic link on the way: refused, though it stands below a root.
  assert.equal(ask(locator, `/proc/self/root${at('cgi/a.cgi')}`).status, 403);
});

void test('a name need not be UTF-8', () => {
  const name = Buffer.concat([Buffer.from(at('cgi/')), Buffer.of(0xff, 0xfe), Buffer.from('.cgi')]);
  assert.equal(ask(locator, name).path, name.toString('latin1'));
  const info = Buffer.concat([Buffer.from(at('cgi/a.cgi/')), Buffer.of(0xff)]);
  assert.equal(ask(locator, info).pathInfo, '/\xff');
});

void test('a PATH_INFO may be longer than any path', () => {
  const info = '/x'.repeat(100_000);
  for (const script of ['cgi/a.cgi', 'cgi/relative'])
    assert.ok(ask(locator, at(script) + info).pathInfo === info);
});

void test('who answers a directory with a PATH_INFO is looked for further on', () => {
  const { path, pathInfo } = ask(locator, at('cgi'), { PATH_INFO: '/deep/er/b.cgi/i' });
  assert.deepEqual([path, pathInfo], [at('cgi/deep/er/b.cgi'), '/i']);
  assert.equal(ask(locator, at('cgi'), { PATH_INFO: '/out' }).status, 403);
  assert.equal(ask(locator, at('cgi'), { PATH_INFO: '/deep' }).status, 403);
});

void test('no script is named: 404, and what the web server must send', () => {
  const refusal = locator.locate(new Map());
  assert.deepEqual('status' in refusal ? [refusal.status, /SCRIPT_FILENAME, or/.test(refusal.reason)] : [], [
    404,
    true,
  ]);
});

void test('the working directory is the one that FCGI_CHDIR says', () => {
  const cwd = (value: string): string => ask(locator, at('cgi/a.cgi'), { FCGI_CHDIR: value }).directory;
  assert.equal(cwd(''), identityOf(at('cgi')));
  assert.equal(cwd('-'), identityOf('.'));
  assert.equal(cwd(at('outside')), identityOf(at('outside')));
  const { status, reason } = ask(locator, at('cgi/a.cgi'), { FCGI_CHDIR: at('nowhere') });
  assert.equal(status, 403);
  assert.match(reason, /FCGI_CHDIR: .*nowhere.*ENOENT.* must name a directory/);
});

void test('a root that is a link is where it led when it was opened; its other name is the same', () => {
  link('cgi', 'current');
  const linked = locatorFor({ roots: [at('current')] });
  assert.equal(ask(linked, at('current/a.cgi')).path, at('cgi/a.cgi'));
  assert.equal(ask(linked, at('cgi/a.cgi')).path, at('cgi/a.cgi'));
  rmSync(at('current'));
  link('outside', 'current');
  assert.equal(ask(linked, at('current/a.cgi')).path, at('cgi/a.cgi'), 'until the host is reloaded');
  assert.equal(ask(linked, at('current/secret.cgi')).status, 404);
  linked.close();
});

void test('a root that was moved away and replaced is the old one until the host is reloaded', () => {
  cpSync(at('other'), at('site'), { recursive: true });
  const moved = locatorFor({ roots: [at('site')] });
  const before = identityOf(at('site/c.cgi'));
  renameSync(at('site'), at('site-old'));
  writeScript(at('site/c.cgi'));
  assert.equal(ask(moved, at('site/c.cgi')).file, before);
  rmSync(at('site-old'), { recursive: true });
  assert.equal(ask(moved, at('site/c.cgi')).status, 404);
  moved.close();
});

void test('no descriptor is left over, whatever the outcome', () => {
  const before = openDescriptors();
  const own = locatorFor({ roots: [at('cgi'), at('other')] });
  for (const [asked] of [...FOUND, ...REFUSED]) ask(own, at(asked));
  ask(own, at('cgi'), { PATH_INFO: '/a.cgi' });
  ask(own, at('cgi/a.cgi'), { FCGI_CHDIR: '-' });
  ask(own, at('cgi/a.cgi'), { FCGI_CHDIR: '/nowhere' });
  own.close();
  assert.ok(openDescriptors() <= before); // Node may have closed some of its own
});

void test('a root that cannot be opened is a usage error', () => {
  for (const root of [at('nowhere'), at('cgi/a.cgi')])
    assert.throws(
      () => locatorFor({ roots: [root] }),
      (error: unknown) => error instanceof FpmError && error.exitCode === 64 && error.message.includes(root),
    );
});

/** What anybody who follows a path would find: the first prefix that is a file, when that is below a root. */
function model(path: string): { path: string; rest: string } | null {
  const ends = [...path.matchAll(/[^/](?=\/|$)/g)].map(match => match.index + 1);
  for (const end of ends) {
    try {
      const prefix = path.slice(0, end);
      if (statSync(prefix).isDirectory()) continue;
      const real = realpathSync(prefix);
      const isBelow = [at('cgi/'), at('other/')].some(root => real.startsWith(root));
      const { mode } = statSync(prefix);
      return isBelow && (mode & 0o111) !== 0 && !/nph-/.test(real)
        ? { path: real, rest: path.slice(end) }
        : null;
    } catch {
      return null;
    }
  }
  return null;
}

void test('whatever the path: the file that is run is the one that anybody would find there, or none', () => {
  const parts = [
    'cgi',
    'other',
    'outside',
    'a.cgi',
    'c.cgi',
    'secret.cgi',
    'deep',
    'er',
    'b.cgi',
    '..',
    '.',
    '',
  ];
  const links = [
    'way',
    'way-out',
    'relative',
    'absolute',
    'to-other',
    'out',
    'itself',
    'ring-1',
    'dangling',
    'upwards',
  ];
  const part = fc.constantFrom(...parts, ...parts, ...links);
  fc.assert(
    fc.property(fc.array(part, { maxLength: 9 }), asked => {
      const path = `${dir}/${asked.join('/')}`;
      const { status, path: found, pathInfo } = ask(locator, path);
      const expected = model(path);
      assert.deepEqual(status === 200 ? { path: found, rest: pathInfo } : null, expected, path);
    }),
    { numRuns: 3000 },
  );
});
