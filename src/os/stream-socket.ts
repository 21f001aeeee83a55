/**
 * Stream sockets that never block, for whoever waits for them with a Poller: accept, recv, send, shutdown under their
 * own names. A client that goes away is an everyday thing, so no error of it is thrown.
 */
import { constants } from 'node:os';
import { addressOf, declare, lastErrno, must, SystemError } from './libc.ts';
import { AF_UNIX } from './sockaddr.ts';

const accept4 = declare('int accept4(int, void*, void*, int)');
const recv = declare('long recv(int, void*, size_t, int)');
const sendBytes = declare('long send(int, void*, size_t, int)');
const writev = declare('long writev(int, void*, int)');
const shutdown = declare('int shutdown(int, int)');
const getsockopt = declare('int getsockopt(int, int, int, void*, void*)');
const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');

const { EAGAIN, EINTR, ECONNABORTED, EPROTO, EINVAL, ENOTSOCK } = constants.errno;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SO_LINGER = 13;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const SO_TYPE = 3;
const SOCK_STREAM = 1;
const OPTION_BYTES = 4;

/** struct iovec: an address, a length. */
const PIECE_BYTES = 16;
const MAX_PIECES = 64;
const pieceList: Buffer = Buffer.alloc(PIECE_BYTES * MAX_PIECES);

/** What a call says instead of a number of bytes. */
export const WOULD_BLOCK = -1;
/** The other side is gone: no byte comes or goes any more. */
export const CONNECTION_LOST = -2;

/**
 * Takes a waiting connection, non-blocking and close-on-exec.
 * @returns its descriptor; WOULD_BLOCK when none waits; CONNECTION_LOST when the socket listens no more
 * @throws {SystemError} EMFILE, ENFILE, ENOBUFS, ENOMEM: the connection goes on waiting
 */
export function accept(listener: number): number {
  for (;;) {
    const descriptor = accept4(listener, null, null, NONBLOCK_CLOEXEC);
    if (descriptor >= 0) return descriptor;
    const errno = lastErrno();
    if (errno === EAGAIN) return WOULD_BLOCK;
    if (errno === EINVAL) return CONNECTION_LOST;
    // One that gave up while it waited: the next one, please.
    if (errno !== ECONNABORTED && errno !== EPROTO && errno !== EINTR) throw new SystemError('accept', errno);
  }
}

/** @returns how many bytes have come; 0 at their end; WOULD_BLOCK; CONNECTION_LOST */
export function receive(socket: number, into: Buffer): number {
  const count = recv(socket, into, into.length, 0);
  return count >= 0 ? count : failure();
}

/** Sends pieces as one. @returns how many bytes were taken, which may be fewer; WOULD_BLOCK; CONNECTION_LOST */
export function send(socket: number, pieces: readonly Buffer[]): number {
  const only = pieces[0];
  if (only !== undefined && pieces.length === 1) {
    const count = sendBytes(socket, only, only.length, MSG_NOSIGNAL);
    return count >= 0 ? count : failure();
  }
  const length = Math.min(pieces.length, MAX_PIECES);
  for (let i = 0; i < length; i++) {
    const piece = pieces[i] as Buffer;
    pieceList.writeBigUInt64LE(addressOf(piece), i * PIECE_BYTES);
    pieceList.writeUInt32LE(piece.length, i * PIECE_BYTES + 8);
  }
  // Node ignores SIGPIPE, so a writev to a client that is gone fails like a send.
  const count = writev(socket, pieceList, length);
  return count >= 0 ? count : failure();
}

function failure(): number {
  const errno = lastErrno();
  return errno === EAGAIN || errno === EINTR ? WOULD_BLOCK : CONNECTION_LOST;
}

/** No more will be sent; the other side reads what was sent, and then the end. */
export function finishSending(socket: number): void {
  shutdown(socket, SHUT_WR);
}

/** Closing it will reset a TCP connection instead of ending it: the other side sees that something is missing. */
export function resetOnClose(socket: number): void {
  const linger = Buffer.alloc(8); // struct linger: on, zero seconds
  linger.writeInt32LE(1, 0);
  setsockopt(socket, SOL_SOCKET, SO_LINGER, linger, linger.length);
}

/**
 * Connections of this TCP listener send small pieces at once (TCP_NODELAY, which they inherit): the end of an answer
 * would wait for the client to have acknowledged what was before it, which may take 40 ms.
 */
export function sendAtOnce(listener: number): void {
  const on = Buffer.alloc(OPTION_BYTES);
  on.writeInt32LE(1, 0);
  must(setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, on, on.length), 'setsockopt TCP_NODELAY');
}

/** @returns false for what is no listening stream socket, or not a socket at all */
export function isListening(descriptor: number): boolean {
  try {
    return option(descriptor, SO_ACCEPTCONN) !== 0;
  } catch (error) {
    if (error instanceof SystemError && (error.errno === ENOTSOCK || error.code === 'EBADF')) return false;
    throw error;
  }
}

/** @throws {SystemError} when it is no socket */
export function isUnixSocket(socket: number): boolean {
  return option(socket, SO_DOMAIN) === AF_UNIX;
}

/** @throws {SystemError} when it is no socket */
export function isStreamOf(socket: number, family: number): boolean {
  return option(socket, SO_DOMAIN) === family && option(socket, SO_TYPE) === SOCK_STREAM;
}

function option(socket: number, name: number): number {
  const value = Buffer.alloc(OPTION_BYTES);
  const length = Buffer.alloc(OPTION_BYTES);
  length.writeUInt32LE(OPTION_BYTES, 0);
  must(getsockopt(socket, SOL_SOCKET, name, value, length), 'getsockopt');
  return value.readInt32LE(0);
}
