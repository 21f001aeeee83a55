/** What a script finds in its environment: RFC 3875, section 4.1, variable by variable, and what is kept from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Environment,
  scriptEnvironment,
} from '../../../../../src/responders/cgi/running/environment.ts';

type Texts = Readonly<Record<string, string>>;

function bytes(texts: Texts): Map<string, Buffer> {
  return new Map(Object.entries(texts).map(([name, value]) => [name, Buffer.from(value)]));
}

function build(request: Texts, corrected: Texts = {}, fixed: Texts = {}): Environment {
  return scriptEnvironment(bytes(request), bytes(corrected), bytes(fixed), Buffer.from('fpm-ts/1'));
}

function texts(environment: Environment): Texts {
  return Object.fromEntries([...environment.variables].map(([name, value]) => [name, value.toString()]));
}

/** What a web server sends that says all there is to say. */
const WHOLE: Texts = {
  AUTH_TYPE: 'Basic',
  CONTENT_LENGTH: '4',
  CONTENT_TYPE: 'text/plain',
  PATH_INFO: '/more',
  PATH_TRANSLATED: '/srv/more',
  QUERY_STRING: 'a=1',
  REMOTE_ADDR: '192.0.2.1',
  REMOTE_HOST: 'client.example',
  REMOTE_IDENT: 'ident',
  REMOTE_USER: 'user',
  REQUEST_METHOD: 'POST',
  SCRIPT_NAME: '/script',
  SERVER_NAME: 'www.example',
  SERVER_PORT: '8080',
  SERVER_PROTOCOL: 'HTTP/2.0',
  SERVER_SOFTWARE: 'nginx/1.22',
  HTTP_ACCEPT: '*/*',
  REQUEST_URI: '/script/more?a=1',
};

void test('everything that the web server says is passed on as it is', () => {
  assert.deepEqual(texts(build(WHOLE)), { ...WHOLE, GATEWAY_INTERFACE: 'CGI/1.1' });
});

void test('what it does not say is filled in as far as the RFC wants it (4.1.4 to 4.1.17)', () => {
  assert.deepEqual(texts(build({})), {
    GATEWAY_INTERFACE: 'CGI/1.1',
    QUERY_STRING: '',
    REMOTE_ADDR: '0.0.0.0',
    REMOTE_HOST: '0.0.0.0',
    REQUEST_METHOD: 'GET',
    SCRIPT_NAME: '',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    SERVER_PROTOCOL: 'HTTP/1.0',
    SERVER_SOFTWARE: 'fpm-ts/1',
  });
});

const FILLED: readonly [name: string, request: Texts, expected: Texts][] = [
  ['the version of CGI is ours to say', { GATEWAY_INTERFACE: 'CGI/9' }, { GATEWAY_INTERFACE: 'CGI/1.1' }],
  [
    'an unknown name of the client is its address',
    { REMOTE_ADDR: '192.0.2.1' },
    { REMOTE_HOST: '192.0.2.1' },
  ],
  ['Host names the server', { HTTP_HOST: 'www.example' }, { SERVER_NAME: 'www.example', SERVER_PORT: '80' }],
  ['with its port', { HTTP_HOST: 'www.example:81' }, { SERVER_NAME: 'www.example', SERVER_PORT: '81' }],
  ['IPv6', { HTTP_HOST: '[2001:db8::1]:81' }, { SERVER_NAME: '[2001:db8::1]', SERVER_PORT: '81' }],
  ['HTTPS has its own port', { HTTPS: 'on', HTTP_HOST: 'x' }, { SERVER_PORT: '443' }],
  ['what is no host is not taken for one', { HTTP_HOST: 'a b;c' }, { SERVER_NAME: 'localhost' }],
  [
    'the server says better',
    { HTTP_HOST: 'a:1', SERVER_NAME: 'b', SERVER_PORT: '2' },
    { SERVER_NAME: 'b', SERVER_PORT: '2' },
  ],
];
for (const [name, request, expected] of FILLED) {
  void test(`filled in: ${name}`, () => {
    const all = texts(build(request));
    for (const [variable, value] of Object.entries(expected)) assert.equal(all[variable], value);
  });
}

void test('without a body there is no length and no type of it (4.1.2, 4.1.3)', () => {
  const all = texts(build({ CONTENT_LENGTH: '', CONTENT_TYPE: '' }));
  assert.ok(!('CONTENT_LENGTH' in all) && !('CONTENT_TYPE' in all));
  assert.equal(texts(build({ CONTENT_LENGTH: '0' })).CONTENT_LENGTH, '0');
});

void test('what is for us, another protocol or an attack is left out (CVE-2016-5385)', () => {
  const request = { FCGI_ROLE: 'RESPONDER', FCGI_CHDIR: '/', SCGI: '1', HTTP_PROXY: 'http://evil' };
  const { variables, withheld } = build(request);
  for (const name of Object.keys(request)) assert.ok(!variables.has(name), name);
  assert.deepEqual(withheld, []);
});

void test('a name that a shell or a C program could not take is left out', () => {
  for (const name of ['', '1A', 'A-B', 'A.B', 'A B', 'BASH_FUNC_x%%', 'A=B', 'Ä', 'A\0'])
    assert.ok(!build({ [name]: 'x' }).variables.has(name), name);
  for (const name of ['A', '_', 'a_1', 'NODE_ENV', 'PYTHONUNBUFFERED', 'HOME'])
    assert.ok(build({ [name]: 'x' }).variables.has(name), name);
});

const DANGEROUS = `
  LD_PRELOAD LD_LIBRARY_PATH GCONV_PATH GLIBC_TUNABLES LOCPATH NLSPATH MALLOC_TRACE PATH IFS ENV
  BASH_ENV SHELLOPTS BASHOPTS PS4 CDPATH RES_OPTIONS HOSTALIASES PERL5LIB PERLLIB PERL5OPT
  PERL5DB PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT RUBYLIB RUBYOPT NODE_OPTIONS
  NODE_PATH JAVA_TOOL_OPTIONS PHPRC PHP_INI_SCAN_DIR
`
  .trim()
  .split(/\s+/);
void test('what acts on loaders and interpreters is withheld, and said', () => {
  for (const name of DANGEROUS) {
    const { variables, withheld } = build({ [name]: '/tmp/evil' });
    assert.ok(!variables.has(name), name);
    assert.deepEqual(withheld, [name]);
  }
});

void test('unless the administrator sets it, who wins over everybody', () => {
  const { variables, withheld } = build(
    { PATH: '/evil', A: 'request' },
    { A: 'found' },
    { PATH: '/bin', A: 'fixed' },
  );
  assert.equal(variables.get('PATH')?.toString(), '/bin');
  assert.equal(variables.get('A')?.toString(), 'fixed');
  assert.deepEqual(withheld, []);
});

void test('what was found out about the script wins over what was asked', () => {
  const { SCRIPT_NAME, PATH_INFO } = texts(
    build({ SCRIPT_NAME: '/a/b' }, { SCRIPT_NAME: '/a', PATH_INFO: '/b' }),
  );
  assert.deepEqual([SCRIPT_NAME, PATH_INFO], ['/a', '/b']);
});

void test('whatever is sent: names are names, values are untouched, the required ones are there', () => {
  const name = fc.oneof(fc.string(), fc.constantFrom(...DANGEROUS, ...Object.keys(WHOLE), 'HTTP_PROXY'));
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), request => {
      const all = texts(build(request));
      for (const [variable, value] of Object.entries(all)) {
        assert.match(variable, /^[A-Za-z_][A-Za-z0-9_]*$/);
        assert.ok(!DANGEROUS.includes(variable) && variable !== 'HTTP_PROXY');
        if (request[variable] !== undefined && request[variable] !== '' && variable !== 'GATEWAY_INTERFACE')
          assert.equal(value, request[variable]);
      }
      for (const variable of [
        'SERVER_SOFTWARE',
        'SERVER_PROTOCOL',
        'REQUEST_METHOD',
        'REMOTE_ADDR',
        'SERVER_NAME',
      ])
        assert.notEqual(all[variable] ?? '', '', variable);
    }),
  );
});
