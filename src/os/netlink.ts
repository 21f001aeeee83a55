/**
 * Questions over netlink(7): one request out, one message back, or many (a dump). The kernel fills its answer as it is read, inside
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
const PIECE_BYTES = 32 * 1024;
/** A dump that changes happened under is asked for again, so often. */
const ATTEMPTS = 4;

/** The kernel, or a container's seccomp rules, does not answer this kind of question. */
export class NetlinkRefused extends Error {
  constructor(cause: SystemError) {
    super(`the kernel's socket tables cannot be read over netlink: ${cause.message}`, { cause });
    this.name = 'NetlinkRefused';
  }
}

/** Takes the payload of one message: `bytes` from `from` to before `to`, valid only during the call. */
export type Visit = (bytes: Buffer, from: number, to: number) => void;

/** Where answers are read into: kept, as the supervisor asks ten times a second; null while one is being visited. */
let spare: Buffer | null = null;

interface Answer {
  /** Whole messages one after the other. */
  readonly bytes: Buffer;
  readonly length: number;
  readonly isInterrupted: boolean;
}

/**
 * Asks the kernel for everything that matches `request`, and visits each message of the answer. One that was changed
 * during every attempt may lack or repeat rows.
 * @param protocol the netlink family, such as NETLINK_SOCK_DIAG
 * @throws {NetlinkRefused} when the kernel or a sandbox refuses
 */
export function netlinkDump(protocol: number, type: number, request: Buffer, visit: Visit): void {
  const message = encode(type, request, NLM_F_DUMP);
  let bytes = spare ?? Buffer.allocUnsafeSlow(2 * PIECE_BYTES);
  spare = null;
  let answer: Answer;
  let attempts = 0;
  do {
    answer = ask(protocol, message, bytes, NLMSG_DONE);
    bytes = answer.bytes;
  } while (answer.isInterrupted && ++attempts < ATTEMPTS);
  for (let at = 0; at < answer.length; ) {
    const size = bytes.readUInt32LE(at);
    if (bytes.readUInt16LE(at + 4) !== NLMSG_DONE) visit(bytes, at + HEADER_BYTES, at + size);
    at += aligned(size);
  }
  spare = bytes;
}

/**
 * Asks the kernel for one thing, and visits the message that it answers with.
 * @throws {NetlinkRefused} when the kernel or a sandbox refuses, or there is no such thing
 */
export function netlinkGet(protocol: number, type: number, request: Buffer, visit: Visit): void {
  const { bytes } = ask(protocol, encode(type, request, 0), Buffer.allocUnsafeSlow(PIECE_BYTES), type);
  visit(bytes, HEADER_BYTES, bytes.readUInt32LE(0));
}

/** Where the value of the first attribute of this type begins in a message; -1: there is none. */
export function attribute(bytes: Buffer, from: number, to: number, type: number): number {
  for (let at = from; at + 4 <= to; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    if (bytes.readUInt16LE(at + 2) === type) return at + 4;
    at += aligned(length);
  }
  return -1;
}

/** The length of the value that begins at `at`, in bytes. */
export function attributeLength(bytes: Buffer, at: number): number {
  return bytes.readUInt16LE(at - 4) - 4;
}

function encode(type: number, request: Buffer, flags: number): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + request.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  request.copy(message, HEADER_BYTES);
  return message;
}

function ask(protocol: number, message: Buffer, room: Buffer, last: number): Answer {
  const descriptor = checked(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), 'socket');
  try {
    checked(send(descriptor, message, message.length, 0), 'send');
    return receive(descriptor, room, last);
  } finally {
    closeSync(descriptor);
  }
}

/** @param last the kind of message that ends the answer */
function receive(descriptor: number, room: Buffer, last: number): Answer {
  let bytes = room;
  let isInterrupted = false;
  for (let length = 0; ; ) {
    if (bytes.length - length < PIECE_BYTES) bytes = Buffer.concat([bytes], 2 * bytes.length);
    const rest = length === 0 ? bytes : bytes.subarray(length);
    const received = checked(recv(descriptor, rest, rest.length, MSG_DONTWAIT | MSG_TRUNC), 'recv');
    if (received > rest.length) throw refused('recv', constants.errno.EMSGSIZE);
    const end = length + received;
    while (length + HEADER_BYTES <= end) {
      const size = bytes.readUInt32LE(length);
      if (size < HEADER_BYTES || length + size > end) throw refused('recv', constants.errno.EBADMSG);
      const kind = bytes.readUInt16LE(length + 4);
      if (kind === NLMSG_ERROR) throw refused('dump', -bytes.readInt32LE(length + HEADER_BYTES));
      if ((bytes.readUInt16LE(length + 6) & NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
      length += aligned(size);
      if (kind === last) return { bytes, length, isInterrupted };
    }
  }
}

function checked(result: number, name: string): number {
  if (result < 0) throw refused(name, lastErrno());
  return result;
}

/** What is short at the moment says nothing about what the kernel allows. */
const SHORTAGES: ReadonlySet<number> = new Set([
  constants.errno.EMFILE,
  constants.errno.ENFILE,
  constants.errno.ENOBUFS,
  constants.errno.ENOMEM,
]);

function refused(name: string, errno: number): NetlinkRefused | SystemError {
  const error = new SystemError(name, errno, 'netlink');
  return SHORTAGES.has(errno) ? error : new NetlinkRefused(error);
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
