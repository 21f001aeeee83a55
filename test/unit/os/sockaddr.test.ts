/** Socket addresses in bytes. */
import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { inetAddress, parseIPv6, UNIX_PATH_MAX_BYTES, unixAddress } from '../../../src/os/sockaddr.ts';

void test('struct sockaddr_un: family, path, NUL', () => {
  assert.equal(unixAddress('/run/a').toString('latin1'), '\x01\x00/run/a\x00');
});

void test('a path is measured in bytes', () => {
  assert.equal(unixAddress('x'.repeat(UNIX_PATH_MAX_BYTES)).length, 2 + 108);
  assert.throws(
    () => unixAddress('x'.repeat(UNIX_PATH_MAX_BYTES + 1)),
    / is 108 bytes long; .* at most 107 bytes/,
  );
  assert.throws(() => unixAddress('ü'.repeat(54)), /108 bytes/);
});

void test('struct sockaddr_in: family, port and address in network order', () => {
  const { family, bytes } = inetAddress('192.0.2.1', 9000);
  assert.equal(family, 2);
  assert.equal(bytes.toString('hex'), `0200${(9000).toString(16)}c0000201${'00'.repeat(8)}`);
});

void test('struct sockaddr_in6: family, port, flow, address, scope', () => {
  const { family, bytes } = inetAddress('2001:db8::1', 80);
  assert.equal(family, 10);
  assert.equal(bytes.toString('hex'), `0a000050000000002001${'0db8'}${'00'.repeat(11)}01${'00'.repeat(4)}`);
});

const IPV6_ROWS: readonly (readonly [string, string])[] = [
  ['::', '00000000000000000000000000000000'],
  ['::1', '00000000000000000000000000000001'],
  ['1::', '00010000000000000000000000000000'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
  ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ['2001:DB8::A', '20010db800000000000000000000000a'],
  ['fe80::1%lo', 'fe800000000000000000000000000001'],
];

for (const [text, hex] of IPV6_ROWS) {
  void test(`${text} in bytes`, () => assert.equal(parseIPv6(text).toString('hex'), hex));
}

void test('any IPv6 address is read as Node reads it', () => {
  const groups = (bytes: Buffer): string =>
    Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
  const canonical = (address: string): string => new SocketAddress({ address, family: 'ipv6' }).address;
  fc.assert(
    fc.property(fc.ipV6(), text => {
      assert.equal(canonical(groups(parseIPv6(text))), canonical(text));
    }),
  );
});
