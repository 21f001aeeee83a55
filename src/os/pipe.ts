/** Pipes without an object of Node's each: what a host of scripts has three of for every request. */
import { declare, lastErrno, must } from './libc.ts';

const pipe2 = declare('int pipe2(void*, int)');
const fcntl = declare('int fcntl(int, int, int)');
const readCall = declare('long read(int, void*, size_t)');
const writeCall = declare('long write(int, void*, size_t)');

const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;

/** What a new pipe holds. */
export const PIPE_BYTES: number = 64 * 1024;
/** As large as one may be made (/proc/sys/fs/pipe-max-size). */
const LARGE_PIPE_BYTES = 1024 * 1024;

const ends: Buffer = Buffer.alloc(8);

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/**
 * A pipe of which one end is ours and does not block, the other a child's that does; both are close-on-exec.
 * @throws {SystemError} EMFILE, ENFILE
 */
export function openPipe(ours: keyof Pipe): Pipe {
  must(pipe2(ends, CLOEXEC), 'pipe2');
  const read = ends.readInt32LE(0);
  const write = ends.readInt32LE(4);
  // It is new, and has no other flag.
  fcntl(ours === 'read' ? read : write, F_SETFL, NONBLOCK);
  return { read, write };
}

/** So that both sides of a pipe wait less often for each other; refused, which does no harm, where the user has many. */
export function enlargePipe(descriptor: number): void {
  fcntl(descriptor, F_SETPIPE_SZ, LARGE_PIPE_BYTES);
}

/** read(2). @returns how many bytes; 0 at the end; the errno, negative, when it failed */
export function readSome(descriptor: number, into: Buffer): number {
  const count = readCall(descriptor, into, into.length);
  return count < 0 ? -lastErrno() : count;
}

/** write(2). @returns how many bytes; the errno, negative, when it failed */
export function writeSome(descriptor: number, bytes: Buffer): number {
  const count = writeCall(descriptor, bytes, bytes.length);
  return count < 0 ? -lastErrno() : count;
}
