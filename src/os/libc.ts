/**
 * The C library through koffi. `koffi.load(null)` is dlopen(NULL): the libc that Node itself runs
 * on, glibc or musl. Each file of this folder declares the few functions that it needs.
 */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';

const library = koffi.load(null);

/** A C function: numbers, strings, Buffers (as pointers) in, a number out; 64-bit values come as number. */
export interface CFunction {
  (...args: unknown[]): number;
  /** Runs the call in a thread. Whoever calls must hold the buffers until the callback has come. */
  async(...args: unknown[]): void;
}

/** Declares a function of the C library by its prototype, in koffi's notation. */
export function declare(prototype: string): CFunction {
  return library.func(prototype) as unknown as CFunction;
}

/** An address as a number, for the structures that hold pointers. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(koffi.address(buffer));
}

/** A failed system call: what was called, on what, and the kernel's reason. */
export class SystemError extends Error {
  readonly errno: number;
  /** The symbolic name, such as EADDRINUSE. */
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, errno: number, subject = '') {
    const [code, text] = getSystemErrorMap().get(-errno) ?? unmapped(errno);
    super(`${syscall}${subject && ` ${subject}`}: ${text} (${code})`);
    this.name = 'SystemError';
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
  }
}

/** The errors that libuv has no name for, of which one says what a user did wrong. */
function unmapped(errno: number): readonly [code: string, text: string] {
  if (errno === constants.errno.ENOEXEC)
    return ['ENOEXEC', 'neither a program of this machine nor a script with #!'];
  return [`errno ${errno}`, 'unknown error'];
}

/** The errno of the last call of this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/**
 * Passes the result of a call through.
 * @throws {SystemError} when it is negative, with the errno of the call
 */
export function must(result: number, syscall: string, subject = ''): number {
  if (result < 0) throw new SystemError(syscall, koffi.errno(), subject);
  return result;
}

/** syscall(2), for what the C library has no wrapper of (pidfd_open and younger: one number on every architecture). */
export const syscall: CFunction = declare('long syscall(long, ...)');

/** What is called back as long as a descriptor can be read, until it is closed; it keeps the process alive. */
export interface LoopHandle {
  close(): void;
}

/**
 * Waits for a descriptor in Node's own event loop (uv_poll_t). What the callback throws is an uncaught exception, as
 * anywhere else in Node; koffi alone would lose it, and call nobody any more.
 * @throws {Error} for what cannot be waited for
 */
export function watchReadable(descriptor: number, callback: () => void): LoopHandle {
  return koffi.node.poll(descriptor, () => {
    try {
      callback();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  });
}
