/** Small things about file descriptors that Node has no call for. */
import { closeSync, constants, fchmodSync, openSync } from 'node:fs';
import { declare, must, syscall } from './libc.ts';

const pipe2 = declare('int pipe2(_Out_ int*, int)');
const socketpair = declare('int socketpair(int, int, int, _Out_ int*)');
const fcntl = declare('int fcntl(int, int, ...)');
const flock = declare('int flock(int, int)');
const dup2 = declare('int dup2(int, int)');
const exitNow = declare('void _exit(int)');

const CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const FD_CLOEXEC = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const LOCK_EX_NB = 2 | 4;

/** Room for what a worker writes while we are away; /proc/sys/fs/pipe-max-size is 1 MiB by default. */
const OUTPUT_PIPE_BYTES = 256 * 1024;

export interface OutputPipe {
  readonly read: number;
  readonly write: number;
}

/**
 * A pipe for a worker's output. Our end does not block. The worker's end is open for reading as well, so that
 * a worker whose reader has died is not killed by SIGPIPE. A worker that runs as another user opens the pipe anew
 * when it writes to /dev/stderr, so everybody may write; only who may look into its /proc/PID/fd gets there.
 */
export function outputPipe(): OutputPipe {
  const ends: number[] = [0, 0];
  must(pipe2(ends, CLOEXEC), 'pipe2');
  const [read = -1, write = -1] = ends;
  let both: number;
  try {
    both = openSync(`/proc/self/fd/${read}`, 'r+');
  } catch (error) {
    closeSync(read); // out of descriptors: those that we have must not be lost as well
    throw error;
  } finally {
    closeSync(write);
  }
  fchmodSync(read, 0o622);
  setNonblocking(read, true);
  fcntl(read, F_SETPIPE_SZ, 'int', OUTPUT_PIPE_BYTES); // refused when the user has many pipes: 64 KiB will do
  return { read, write: both };
}

/**
 * Our end of a pipe whose other end was taken out of a worker: opened anew, because what is set on the worker's own
 * would be set for the worker.
 * @throws {SystemError} when it is no pipe that we may read
 */
export function readEndOf(pipe: number): number {
  return openSync(`/proc/self/fd/${pipe}`, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Closes a descriptor whatever becomes of the work with it. */
export function closing<T>(descriptor: number, work: (descriptor: number) => T): T {
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** One for stdout and one for stderr, or none. @throws when there are not descriptors enough */
export function outputPipes(): readonly [OutputPipe, OutputPipe] {
  const first = outputPipe();
  try {
    return [first, outputPipe()];
  } catch (error) {
    closeSync(first.read);
    closeSync(first.write);
    throw error;
  }
}

/** Two connected stream sockets, close-on-exec. */
export function socketPair(): readonly [number, number] {
  const ends: number[] = [0, 0];
  must(socketpair(AF_UNIX, SOCK_STREAM | CLOEXEC, 0, ends), 'socketpair');
  const [ours = -1, theirs = -1] = ends;
  return [ours, theirs];
}

/** Sets or clears O_NONBLOCK, on the open file description: everybody who shares it is concerned. */
export function setNonblocking(descriptor: number, on: boolean): void {
  const flags = must(fcntl(descriptor, F_GETFL, 'int', 0), 'fcntl');
  must(fcntl(descriptor, F_SETFL, 'int', on ? flags | NONBLOCK : flags & ~NONBLOCK), 'fcntl');
}

/** Whether a program that this process becomes has it still. */
export function setCloseOnExec(descriptor: number, on: boolean): void {
  must(fcntl(descriptor, F_SETFD, 'int', on ? FD_CLOEXEC : 0), 'fcntl');
}

/** Whether O_NONBLOCK is set on the open file description. */
export function isNonblocking(descriptor: number): boolean {
  return (must(fcntl(descriptor, F_GETFL, 'int', 0), 'fcntl') & NONBLOCK) !== 0;
}

/** Marks everything from 3 upwards close-on-exec, whoever left it open for us (close_range(2), Linux 5.11). */
export function closeInheritedOnExec(): void {
  must(syscall(CLOSE_RANGE, 'uint', 3, 'uint', 0xffffffff, 'uint', CLOSE_RANGE_CLOEXEC), 'close_range');
}

/** Takes the exclusive flock(2) of an open file. @returns false when somebody else holds it */
export function tryLock(descriptor: number): boolean {
  return flock(descriptor, LOCK_EX_NB) === 0;
}

/** Makes `target` another name of `descriptor`, as dup2(2). */
export function duplicateOnto(descriptor: number, target: number): void {
  must(dup2(descriptor, target), 'dup2');
}

/** Ends the process without waiting for threads: a write that is stuck in one must not hold up the end. */
export function endProcess(code: number): never {
  exitNow(code);
  throw new Error('_exit returned');
}
