import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHttpAddress, parseHttpAddress } from '../../../src/client/http-address.ts';
import {
  describeAddress,
  type PoolAddress,
  type PoolTarget,
  routeTo,
} from '../../../src/client/pool-target.ts';
import type { ProtocolName } from '../../../src/protocols/names.ts';

void test('where the front listens', () => {
  const rows: readonly (readonly [text: string, host: string, port: number])[] = [
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['[::1]:8080', '::1', 8080],
    ['localhost:80', 'localhost', 80],
    ['0.0.0.0:8080', '0.0.0.0', 8080],
    ['8080', '127.0.0.1', 8080],
    [':8080', '127.0.0.1', 8080],
    ['0', '127.0.0.1', 0],
  ];
  for (const [text, host, port] of rows) assert.deepEqual(parseHttpAddress(text), { host, port }, text);
});

void test('what is not an address is refused as a mistake of the command line', () => {
  for (const text of [
    '',
    'x',
    '127.0.0.1',
    '127.0.0.1:',
    '::1:80',
    'example.com:80',
    '1:99999',
    '[::1]',
    '-1',
  ]) {
    assert.throws(() => parseHttpAddress(text), { code: 'USAGE', exitCode: 64 }, text);
  }
});

void test('brackets in a URL where IPv6 needs them', () => {
  assert.equal(formatHttpAddress({ host: '::1', port: 80 }), '[::1]:80');
  assert.equal(formatHttpAddress({ host: '127.0.0.1', port: 80 }), '127.0.0.1:80');
});

function pool(address: PoolAddress, protocol: ProtocolName = 'fastcgi'): PoolTarget {
  return { name: 'www', protocol, index: 'index.php', params: {}, listen: { address } };
}

void test('how a pool is reached', () => {
  const rows: readonly (readonly [PoolAddress, string])[] = [
    [{ type: 'unix', path: '/run/www.sock' }, '/run/www.sock'],
    [{ type: 'tcp', host: '10.0.0.1', port: 9000 }, '10.0.0.1:9000'],
    [{ type: 'tcp', host: '0.0.0.0', port: 9000 }, '127.0.0.1:9000'],
    [{ type: 'tcp', host: '::', port: 9000 }, '[::1]:9000'],
    [{ type: 'tcp', host: 'fe80::1', port: 9000 }, '[fe80::1]:9000'],
  ];
  for (const [address, expected] of rows)
    assert.equal(describeAddress(routeTo(pool(address)).address), expected);
});

void test('a pool that cannot be asked says why', () => {
  const unix: PoolAddress = { type: 'unix', path: '/x' };
  assert.throws(() => routeTo(pool({ type: 'none' })), { code: 'USAGE', message: /listen = "none"/ });
  assert.throws(() => routeTo(pool({ type: 'systemd', name: 'web' })), { code: 'USAGE', message: /web/ });
  assert.throws(() => routeTo(pool(unix, 'http')), { code: 'USAGE', message: /protocol = "http"/ });
});
