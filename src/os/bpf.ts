/** Classic BPF (Documentation/networking/filter.rst): small programs that the kernel runs on what comes to a socket. */
import { addressOf, declare, must } from './libc.ts';

const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');

const SOL_SOCKET = 1;

/** struct sock_filter. */
export interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly k: number;
}

/** BPF_RET | BPF_K. */
export const RETURN = 0x06;
/** What a filter returns: the bytes of the packet that are let through. */
export const DROP = 0;
export const ACCEPT = 0xffffffff;

export function instruction(code: number, k: number, jumpTrue = 0, jumpFalse = 0): Instruction {
  return { code, jumpTrue, jumpFalse, k };
}

/** The program as an array of struct sock_filter. */
export function encodeProgram(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [i, { code, jumpTrue, jumpFalse, k }] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(jumpTrue, i * 8 + 2);
    bytes.writeUInt8(jumpFalse, i * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4);
  }
  return bytes;
}

/**
 * Puts a program on a socket, in the place of the one that may be there.
 * @param option SO_ATTACH_FILTER or the like
 * @throws {SystemError} EPERM where the kernel lets only root attach one (some hardened ones)
 */
export function attachProgram(
  descriptor: number,
  option: { readonly name: string; readonly number: number },
  program: readonly Instruction[],
): void {
  const instructions = encodeProgram(program);
  const header = Buffer.alloc(16); // struct sock_fprog: length, pointer
  header.writeUInt16LE(program.length, 0);
  header.writeBigUInt64LE(addressOf(instructions), 8);
  const result = setsockopt(descriptor, SOL_SOCKET, option.number, header, header.length);
  must(result, `setsockopt ${option.name}`);
}
