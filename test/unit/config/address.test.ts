import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ListenAddress, parseAddress } from '../../../src/config/address.ts';

const GOOD: readonly (readonly [string, ListenAddress])[] = [
  ['/run/x.sock', { type: 'unix', path: '/run/x.sock' }],
  ['./x', { type: 'unix', path: './x' }],
  ['x.sock', { type: 'unix', path: 'x.sock' }],
  ['/run/a:b', { type: 'unix', path: '/run/a:b' }],
  ['9000', { type: 'tcp', host: '::', port: 9000, family: 6, dualStack: true }],
  ['127.0.0.1:9000', { type: 'tcp', host: '127.0.0.1', port: 9000, family: 4, dualStack: false }],
  ['0.0.0.0:1', { type: 'tcp', host: '0.0.0.0', port: 1, family: 4, dualStack: false }],
  ['[::1]:65535', { type: 'tcp', host: '::1', port: 65_535, family: 6, dualStack: false }],
  ['[::]:9000', { type: 'tcp', host: '::', port: 9000, family: 6, dualStack: true }],
  ['systemd:www.socket', { type: 'systemd', name: 'www.socket' }],
  ['none', { type: 'none' }],
];

for (const [text, address] of GOOD) {
  void test(`${text} is ${JSON.stringify(address)}`, () =>
    assert.deepEqual(parseAddress(text), { ok: true, address }));
}

const BAD: readonly (readonly [string, RegExp])[] = [
  ['localhost:9000', /host names are not resolved.*"127\.0\.0\.1:9000"/],
  ['::1:9000', /"\[::1\]:9000"/],
  ['*:9000', /not an IP address.*"9000"/],
  [':9000', /"9000"/],
  ['127.0.0.1:0', /1 to 65535/],
  ['127.0.0.1:65536', /1 to 65535/],
  ['127.0.0.1:', /1 to 65535/],
  ['70000', /1 to 65535/],
  ['127.0.0.1', /slash/],
  ['[127.0.0.1]:80', /not an IPv6 address/],
  ['[fe80::1%eth0]:80', /scope .* not supported/],
  ['256.0.0.1:80', /not an IPv4 address/],
  ['unix:/run/x.sock', /write "\/run\/x\.sock"/],
  ['@abstract', /abstract/],
  ['systemd:', /1 to 255/],
  ['systemd:a b', /1 to 255/],
  ['hello', /"\.\/hello"/],
];

for (const [text, why] of BAD) {
  void test(`${text} is refused`, () => {
    const result = parseAddress(text);
    assert.equal(result.ok, false);
    assert.match(result.ok ? '' : `${result.reason}; ${result.remedy}`, why);
  });
}
