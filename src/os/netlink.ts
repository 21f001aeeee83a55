/**
 * Dumps over netlink(7): one request out, many messages back. The kernel fills its answer as it is read, inside
 * our own calls, so nothing here ever waits.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { declare, lastErrno, SystemError } from './libc.ts';

const socket = declare('int socket(int, int, int)');
const send = declare('long send(int, const void *, size_t, int)');
const recv = declare('long recv(int, _Out_ void *, size_t, int)');

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const HEADER_BYTES = 16;
/** The kernel builds its answers in pieces of at most 32 KB (netlink_dump in af_netlink.c). */
const PIECE_BYTES = 64 * 1024;
/** A dump that changes happened under is asked for again, so often. */
const ATTEMPTS = 4;

/** The kernel, or a container's seccomp rules, does not answer this kind of question. */
export class NetlinkRefused extends Error {
  constructor(cause: SystemError) {
    super(`the kernel's socket tables cannot be read over netlink: ${cause.message}`, { cause });
    this.name = 'NetlinkRefused';
  }
}

/**
 * Asks the kernel for everything that matches `request`.
 * @param protocol the netlink family, such as NETLINK_SOCK_DIAG
 * @returns the payload of each message; one that was changed during every attempt may lack or repeat rows
 * @throws {NetlinkRefused} when the kernel or a sandbox refuses
 */
export function netlinkDump(protocol: number, type: number, request: Buffer): Buffer[] {
  let rows: Buffer[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const descriptor = checked(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), 'socket');
    try {
      const answer = ask(descriptor, type, request);
      rows = answer.rows;
      if (!answer.interrupted) break;
    } finally {
      closeSync(descriptor);
    }
  }
  return rows;
}

/** The attributes that follow a message's fixed part, by their type. */
export function attributes(message: Buffer, from: number): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = from; at + 4 <= message.length; ) {
    const length = message.readUInt16LE(at);
    if (length < 4) break;
    found.set(message.readUInt16LE(at + 2), message.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

function ask(descriptor: number, type: number, request: Buffer): { rows: Buffer[]; interrupted: boolean } {
  const message = Buffer.alloc(HEADER_BYTES + request.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
  request.copy(message, HEADER_BYTES);
  checked(send(descriptor, message, message.length, 0), 'send');
  const rows: Buffer[] = [];
  let interrupted = false;
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const length = checked(recv(descriptor, piece, piece.length, MSG_DONTWAIT | MSG_TRUNC), 'recv');
    if (length > piece.length) throw refused('recv', constants.errno.EMSGSIZE);
    for (let at = 0; at + HEADER_BYTES <= length; ) {
      const size = piece.readUInt32LE(at);
      if (size < HEADER_BYTES) throw refused('recv', constants.errno.EBADMSG);
      const kind = piece.readUInt16LE(at + 4);
      if ((piece.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (kind === NLMSG_DONE) return { rows, interrupted };
      if (kind === NLMSG_ERROR) throw refused('dump', -piece.readInt32LE(at + HEADER_BYTES));
      rows.push(piece.subarray(at + HEADER_BYTES, at + size));
      at += aligned(size);
    }
  }
}

function checked(result: number, name: string): number {
  if (result < 0) throw refused(name, lastErrno());
  return result;
}

function refused(name: string, errno: number): NetlinkRefused {
  return new NetlinkRefused(new SystemError(name, errno, 'netlink'));
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
