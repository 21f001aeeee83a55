/**
 * What a listening TCP socket lets in, as classic BPF programs for SO_ATTACH_FILTER (socket(7)): packets are dropped
 * before there is a connection, whatever program accepts. `listen.allowed_clients` is one; the other keeps everybody
 * out while a pool stops.
 */
import { isIPv6 } from 'node:net';
import { ACCEPT, DROP, type Instruction, instruction, RETURN } from './bpf.ts';
import { parseIPv4, parseIPv6 } from './sockaddr.ts';

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const LOAD_BYTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_SET = 0x45; // BPF_JMP | BPF_JSET | BPF_K

const ANCILLARY_PROTOCOL = 0xfffff000; // SKF_AD_OFF + SKF_AD_PROTOCOL
const NETWORK_HEADER = 0xfff00000; // SKF_NET_OFF
const IPV4_SOURCE = NETWORK_HEADER + 12;
const IPV6_SOURCE = NETWORK_HEADER + 8;
const ETH_P_IP = 0x0800;
/** The filter sees a packet from its TCP header on, whose flags are there (RFC 9293, section 3.1). */
const TCP_FLAGS = 13;
const SYN = 0x02;

/** @param networks addresses, or networks as ADDRESS/BITS; a v4-mapped one (::ffff:10.0.0.1) counts as IPv4 */
export function clientFilter(networks: readonly string[]): Instruction[] {
  const v4: Instruction[] = [];
  const v6: Instruction[] = [];
  for (const network of networks) {
    const { bytes, bits } = parseNetwork(network);
    if (bytes.length === 4) v4.push(...match(bytes, bits, IPV4_SOURCE));
    else v6.push(...match(bytes, bits, IPV6_SOURCE));
  }
  const end = instruction(RETURN, DROP);
  return [
    instruction(LOAD_WORD, ANCILLARY_PROTOCOL),
    instruction(JUMP_IF_EQUAL, ETH_P_IP, 1, 0),
    instruction(JUMP, v4.length + 1), // over the IPv4 rules and their end
    ...v4,
    end,
    ...v6,
    end,
  ];
}

/** Drops what would begin a connection; the client sends it again after a second. Everything else passes. */
export function handshakeFilter(): Instruction[] {
  return [
    instruction(LOAD_BYTE, TCP_FLAGS),
    instruction(JUMP_IF_SET, SYN, 0, 1),
    instruction(RETURN, DROP),
    instruction(RETURN, ACCEPT),
  ];
}

function parseNetwork(text: string): { bytes: Buffer; bits: number } {
  const [address = '', prefix] = text.split('/');
  if (!isIPv6(address))
    return { bytes: parseIPv4(address), bits: prefix === undefined ? 32 : Number(prefix) };
  const bytes = parseIPv6(address);
  const bits = prefix === undefined ? 128 : Number(prefix);
  const mapped = bytes.subarray(0, 10).every(byte => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  return mapped && bits >= 96 ? { bytes: bytes.subarray(12), bits: bits - 96 } : { bytes, bits };
}

/** Accepts when the first `bits` bits at `offset` are those of `bytes`; else falls through. */
function match(bytes: Buffer, bits: number, offset: number): Instruction[] {
  const words: { k: number; mask: number; value: number }[] = [];
  for (let i = 0; i * 32 < bits; i++) {
    const covered = Math.min(32, bits - i * 32);
    const mask = (0xffffffff << (32 - covered)) >>> 0;
    words.push({ k: offset + i * 4, mask, value: (bytes.readUInt32BE(i * 4) & mask) >>> 0 });
  }
  const program: Instruction[] = [];
  for (const [i, word] of words.entries()) {
    const toNext = (words.length - 1 - i) * 3 + 1; // past the remaining words and the return
    program.push(
      instruction(LOAD_WORD, word.k),
      instruction(AND, word.mask),
      instruction(JUMP_IF_EQUAL, word.value, 0, toNext),
    );
  }
  program.push(instruction(RETURN, ACCEPT));
  return program;
}
