/** The filter of `allowed_clients`, run on packets as the kernel would, and held against Node's own BlockList. */
import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeProgram, type Instruction } from '../../../src/os/bpf.ts';
import { clientFilter } from '../../../src/os/client-filter.ts';
import { parseIPv4, parseIPv6 } from '../../../src/os/sockaddr.ts';

/** The longest program that the kernel takes (linux/bpf_common.h). */
const BPF_MAXINSNS = 4096;

/** The network header of a packet from `source`: only what the filter reads is filled in. */
function packetFrom(source: string): { readonly protocol: number; readonly header: Buffer } {
  if (source.includes(':')) {
    const header = Buffer.alloc(40);
    parseIPv6(source).copy(header, 8);
    return { protocol: 0x86dd, header };
  }
  const header = Buffer.alloc(20);
  parseIPv4(source).copy(header, 12);
  return { protocol: 0x0800, header };
}

/** Classic BPF as far as the filter uses it (Linux, Documentation/networking/filter.rst). */
function accepts(program: readonly Instruction[], source: string): boolean {
  const { protocol, header } = packetFrom(source);
  let accumulator = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, k, jumpTrue, jumpFalse } = program[at] ?? assert.fail(`jumped to ${at}`);
    switch (code) {
      case 0x20:
        accumulator = k === 0xfffff000 ? protocol : header.readUInt32BE(k - 0xfff00000);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? jumpTrue : jumpFalse;
        break;
      case 0x06:
        return k !== 0;
      default:
        assert.fail(`unknown code ${code}`);
    }
  }
  return assert.fail('fell off the end');
}

const ROWS: readonly (readonly [networks: string[], source: string, isAccepted: boolean])[] = [
  [['127.0.0.1'], '127.0.0.1', true],
  [['127.0.0.1'], '127.0.0.2', false],
  [['127.0.0.1'], '::1', false],
  [['10.0.0.0/8'], '10.255.0.1', true],
  [['10.0.0.0/8'], '11.0.0.1', false],
  [['10.1.2.3/8'], '10.9.9.9', true],
  [['0.0.0.0/0'], '192.0.2.1', true],
  [['0.0.0.0/0'], '2001:db8::1', false],
  [['::/0'], '2001:db8::1', true],
  [['::/0'], '192.0.2.1', false],
  [['2001:db8::/33'], '2001:db8:7fff::1', true],
  [['2001:db8::/33'], '2001:db8:8000::1', false],
  [['2001:db8::1'], '2001:db8::1', true],
  [['2001:db8::1'], '2001:db8::2', false],
  [['::ffff:192.0.2.1'], '192.0.2.1', true],
  [['::ffff:192.0.2.0/120'], '192.0.2.77', true],
  [['::ffff:192.0.2.0/120'], '192.0.3.1', false],
  [['192.0.2.1', '192.0.2.2', '::1'], '192.0.2.2', true],
  [['192.0.2.1', '192.0.2.2', '::1'], '::1', true],
  [['255.255.255.255/1'], '128.0.0.1', true],
  [['255.255.255.255/1'], '127.255.255.255', false],
];

for (const [networks, source, isAccepted] of ROWS) {
  void test(`${networks.join(', ')}: ${source} is ${isAccepted ? 'let in' : 'kept out'}`, () => {
    assert.equal(accepts(clientFilter(networks), source), isAccepted);
  });
}

const v4 = fc.ipV4();
/** A v4-mapped one is IPv4 to the kernel; the rows above have those. */
const v6 = fc.ipV6().filter(text => !text.includes('.') && !text.toLowerCase().includes('ffff:'));
const network = fc.oneof(
  fc.tuple(v4, fc.nat({ max: 32 })).map(([address, bits]) => ({ address, bits, family: 'ipv4' as const })),
  fc.tuple(v6, fc.nat({ max: 128 })).map(([address, bits]) => ({ address, bits, family: 'ipv6' as const })),
);

void test('it agrees with BlockList on any list and any source', () => {
  fc.assert(
    fc.property(fc.array(network, { minLength: 1, maxLength: 8 }), fc.oneof(v4, v6), (networks, source) => {
      const sourceFamily = source.includes(':') ? 'ipv6' : 'ipv4';
      // BlockList holds an IPv4 source against IPv6 networks as well, by its mapped address.
      const same = networks.filter(({ family }) => family === sourceFamily);
      const list = new BlockList();
      for (const { address, bits, family } of same) list.addSubnet(address, bits, family);
      const program = clientFilter(networks.map(({ address, bits }) => `${address}/${bits}`));
      assert.equal(accepts(program, source), list.check(source, sourceFamily));
    }),
    { numRuns: 500 },
  );
});

void test('the encoding is struct sock_filter: code, jt, jf, k', () => {
  const bytes = encodeProgram([{ code: 0x15, jumpTrue: 1, jumpFalse: 2, k: 0xfffff000 }]);
  assert.equal(bytes.toString('hex'), '1500010200f0ffff');
});

void test('a list of three hundred networks fits into a program', () => {
  const networks = Array.from({ length: 300 }, (_, i) => `2001:db8:${i.toString(16)}::/64`);
  assert.ok(clientFilter(networks).length <= BPF_MAXINSNS);
});
