import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusedRequest } from '../../../src/server/refused-request.ts';
import { requestUrl } from '../../../src/server/request-url.ts';
import { Variables } from '../../../src/server/variables.ts';

type Said = Readonly<Record<string, string | Buffer>>;

function url(variables: Said): string {
  const pairs = Object.entries(variables).map(
    ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
  );
  return new URL(requestUrl(new Variables(pairs))).href;
}

const HOST = { HTTP_HOST: 'example.org' };

const ADDRESSES: Readonly<Record<string, readonly [Said, string]>> = {
  'host and address of the client': [{ ...HOST, REQUEST_URI: '/a/b?c=d' }, 'http://example.org/a/b?c=d'],
  'a port of the host': [{ HTTP_HOST: 'h:8080', REQUEST_URI: '/' }, 'http://h:8080/'],
  'an IPv6 host': [{ HTTP_HOST: '[::1]:81', REQUEST_URI: '/' }, 'http://[::1]:81/'],
  REQUEST_SCHEME: [{ ...HOST, REQUEST_SCHEME: 'https', REQUEST_URI: '/' }, 'https://example.org/'],
  'HTTPS on': [{ ...HOST, HTTPS: 'on', REQUEST_URI: '/' }, 'https://example.org/'],
  'HTTPS off': [{ ...HOST, HTTPS: 'off', REQUEST_URI: '/' }, 'http://example.org/'],
  'no Host (HTTP/1.0)': [
    { SERVER_NAME: 'www.example.org', SERVER_PORT: '8080', REQUEST_URI: '/' },
    'http://www.example.org:8080/',
  ],
  'an empty Host': [
    { HTTP_HOST: '', SERVER_NAME: 'www', SERVER_PORT: '80', REQUEST_URI: '/' },
    'http://www/',
  ],
  'a bare IPv6 address as SERVER_NAME': [
    { SERVER_NAME: '::1', SERVER_PORT: '81', REQUEST_URI: '/' },
    'http://[::1]:81/',
  ],
  "nginx's server_name that is a pattern": [
    { SERVER_NAME: '~^(www|)', SERVER_PORT: '80', REQUEST_URI: '/x' },
    'http://localhost/x',
  ],
  'nothing at all': [{}, 'http://localhost/'],
  'a path that looks like a host': [
    { ...HOST, REQUEST_URI: '//evil.org/x' },
    'http://example.org//evil.org/x',
  ],
  'a path with a user in it': [{ ...HOST, REQUEST_URI: '/@evil.org' }, 'http://example.org/@evil.org'],
  'what a client sends to a proxy': [
    { ...HOST, REQUEST_URI: 'HTTP://other.org:81/a?b' },
    'http://other.org:81/a?b',
  ],
  'the same without a path': [{ ...HOST, REQUEST_URI: 'http://other.org?b' }, 'http://other.org/?b'],
  'OPTIONS *': [{ ...HOST, REQUEST_URI: '*' }, 'http://example.org/*'],
  'a backslash stays one': [{ ...HOST, REQUEST_URI: '/a\\b?c\\d' }, 'http://example.org/a%5Cb?c%5Cd'],
  'a fragment, which nobody sends': [{ ...HOST, REQUEST_URI: '/a#b' }, 'http://example.org/a%23b'],
  'blanks and controls': [{ ...HOST, REQUEST_URI: '/a b\t\n\0' }, 'http://example.org/a%20b%09%0A%00'],
  'UTF-8 that nobody escaped': [{ ...HOST, REQUEST_URI: '/ä' }, 'http://example.org/%C3%A4'],
  'bytes that are no UTF-8': [
    { ...HOST, REQUEST_URI: Buffer.from([0x2f, 0xe4, 0xff]) },
    'http://example.org/%E4%FF',
  ],
  'what is escaped stays so': [{ ...HOST, REQUEST_URI: '/%E4%2f?%00' }, 'http://example.org/%E4%2f?%00'],
  'SCRIPT_NAME, PATH_INFO and QUERY_STRING': [
    { ...HOST, SCRIPT_NAME: '/app', PATH_INFO: '/x y?%', QUERY_STRING: 'a=%20&b' },
    'http://example.org/app/x%20y%3F%25?a=%20&b',
  ],
};

for (const [name, [variables, expected]] of Object.entries(ADDRESSES)) {
  void test(`the address: ${name}`, () => assert.equal(url(variables), expected));
}

const isRefused = (error: unknown): boolean => error instanceof RefusedRequest && error.status === 400;

const NO_HOSTS: readonly string[] = [
  'evil.org#',
  'user@evil.org',
  'user:password@evil.org',
  'evil.org\\',
  'a b',
  'a\tb',
  ' ',
  'h:80:80',
  'h:port',
  'h:99999',
  '[::1',
  '::1',
  '[nothing]',
  'a\0b',
  'a<b',
  'a%2Fb',
  '%',
  '1.2.3.999',
  '\u{ff0f}',
];

for (const host of NO_HOSTS) {
  void test(`a Host that is none: ${JSON.stringify(host)}`, () => {
    assert.throws(() => url({ HTTP_HOST: host, REQUEST_URI: '/' }), isRefused);
    assert.throws(() => url({ ...HOST, REQUEST_URI: `http://${host}/` }), isRefused);
  });
}

for (const host of ['evil.org/path', 'evil.org?query'])
  void test(`a Host with more behind it: ${host}`, () =>
    assert.throws(() => url({ HTTP_HOST: host, REQUEST_URI: '/' }), isRefused));
