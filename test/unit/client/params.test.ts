import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildParams, type PoolParams, type RequestFacts } from '../../../src/client/params.ts';
import { parseTarget } from '../../../src/client/target-path.ts';

interface Asked extends Partial<Omit<RequestFacts, 'path'>> {
  readonly pool?: Partial<PoolParams>;
}

/** The parameters as text, bytes as Latin-1. */
function params(target: string, asked: Asked = {}): Record<string, string> {
  const path = parseTarget(target);
  assert.ok(path !== null);
  const { pool, ...facts } = asked;
  const built = buildParams(
    {
      method: 'GET',
      target,
      path,
      httpVersion: 'HTTP/1.1',
      scheme: 'http',
      headers: [],
      contentLengthBytes: null,
      remote: { address: '192.0.2.1', port: 4711 },
      local: { address: '127.0.0.1', port: 8080 },
      serverName: 'example.com',
      ...facts,
    },
    { documentRoot: '/srv/www', index: 'index.php', params: {}, ...pool },
  );
  assert.equal(new Set(built.map(([name]) => name)).size, built.length, 'each name once');
  return Object.fromEntries(
    built.map(([name, value]) => [name, typeof value === 'string' ? value : value.toString('latin1')]),
  );
}

void test('a script below the document root, as nginx with fastcgi_params sends it', () => {
  assert.deepEqual(params('/app/a.php?x=1&y'), {
    QUERY_STRING: 'x=1&y',
    REQUEST_METHOD: 'GET',
    CONTENT_TYPE: '',
    CONTENT_LENGTH: '',
    SCRIPT_NAME: '/app/a.php',
    SCRIPT_FILENAME: '/srv/www/app/a.php',
    DOCUMENT_ROOT: '/srv/www',
    PATH_INFO: '',
    REQUEST_URI: '/app/a.php?x=1&y',
    DOCUMENT_URI: '/app/a.php',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_SCHEME: 'http',
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'fpm-ts',
    REMOTE_ADDR: '192.0.2.1',
    REMOTE_PORT: '4711',
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: '8080',
    SERVER_NAME: 'example.com',
    REDIRECT_STATUS: '200',
  });
});

void test('a trailing slash takes the index, and only then', () => {
  assert.equal(params('/').SCRIPT_FILENAME, '/srv/www/index.php');
  assert.equal(params('/shop/').SCRIPT_NAME, '/shop/index.php');
  assert.equal(params('/shop').SCRIPT_NAME, '/shop');
  assert.equal(params('/', { pool: { index: 'main.pl' } }).SCRIPT_NAME, '/main.pl');
});

void test('PATH_INFO is what follows the script', () => {
  const found = params('/a.php/b.php/c/?q');
  assert.equal(found.SCRIPT_NAME, '/a.php');
  assert.equal(found.PATH_INFO, '/b.php/c/');
  assert.equal(found.PATH_TRANSLATED, '/srv/www/b.php/c/');
  assert.equal(params('/v1.2/users').PATH_INFO, '', 'a dot does not make a script');
});

void test('the root may end in a slash, and may be the root itself', () => {
  assert.equal(params('/a.php', { pool: { documentRoot: '/srv/www//' } }).SCRIPT_FILENAME, '/srv/www/a.php');
  assert.equal(params('/a.php', { pool: { documentRoot: '/' } }).SCRIPT_FILENAME, '/a.php');
});

void test('without a document root the whole path is PATH_INFO', () => {
  const found = params('/users/7', { pool: { documentRoot: undefined } });
  assert.equal(found.SCRIPT_NAME, '');
  assert.equal(found.PATH_INFO, '/users/7');
  assert.equal(found.SCRIPT_FILENAME, undefined);
});

void test('bytes of a path stay what they are', () => {
  assert.equal(params('/%C3%A4%ff.php').SCRIPT_FILENAME, '/srv/www/\u00c3\u00a4\u00ff.php');
});

void test('headers become HTTP_*, repeated ones joined', () => {
  const found = params('/', {
    headers: [
      ['Host', 'example.com'],
      ['X-Forwarded-For', '10.0.0.1'],
      ['x-forwarded-for', '10.0.0.2'],
      ['Cookie', 'a=1'],
      ['Cookie', 'b=2'],
    ],
  });
  assert.equal(found.HTTP_HOST, 'example.com');
  assert.equal(found.HTTP_X_FORWARDED_FOR, '10.0.0.1, 10.0.0.2');
  assert.equal(found.HTTP_COOKIE, 'a=1; b=2');
});

void test('no header reaches the program that could fool it', () => {
  const found = params('/', {
    headers: [
      ['Proxy', 'http://evil/'],
      ['PROXY', 'http://evil/'],
      ['X_Underscore', 'x'],
      ['Connection', 'close'],
      ['Transfer-Encoding', 'chunked'],
      ['Expect', '100-continue'],
      ['Content-Type', 'text/plain'],
      ['Content-Length', '5'],
    ],
    contentLengthBytes: 5,
  });
  assert.deepEqual(
    Object.keys(found).filter(name => name.startsWith('HTTP_')),
    [],
  );
  assert.equal(found.CONTENT_TYPE, 'text/plain');
  assert.equal(found.CONTENT_LENGTH, '5');
});

void test("the pool's own params win", () => {
  const own = { SCRIPT_FILENAME: '/srv/front.php', APP_ENV: 'test', REDIRECT_STATUS: '404' };
  const found = params('/any/path', { pool: { params: own } });
  assert.equal(found.SCRIPT_FILENAME, '/srv/front.php');
  assert.equal(found.APP_ENV, 'test');
  assert.equal(found.REDIRECT_STATUS, '404');
});

void test('HTTPS only with https', () => {
  assert.equal(params('/').HTTPS, undefined);
  assert.equal(params('/', { scheme: 'https' }).HTTPS, 'on');
});
