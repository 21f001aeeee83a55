/** Another program in this very process (execve(2)): same pid, same children, and the descriptors that are named. */
import { closeSync, writeSync } from 'node:fs';
import { setCloseOnExec } from './descriptor.ts';
import { softFileLimit } from './file-limit.ts';
import { declare, lastErrno, must, SystemError } from './libc.ts';

const execve = declare('int execve(const char*, const char**, const char**)');
const memfdCreate = declare('int memfd_create(const char*, unsigned int)');
const MFD_CLOEXEC = 1;

export interface Program {
  /** An absolute path; nothing is searched. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** From 3 upwards; 0 to 2 stay open in any case. */
  readonly descriptors: readonly number[];
}

/**
 * Becomes that program, with the soft descriptor limit that this one was started with. Nothing of this process but
 * pid, children, limits, directory, umask and descriptors lives on: what is buffered must have been written before.
 * @throws {SystemError} when the kernel refuses; then all is as before
 */
export function become({ path, argv, env, descriptors }: Program): never {
  // Node has marked 0 to 2 close-on-exec at its start, and nobody else passes ours on.
  const kept = [0, 1, 2, ...descriptors];
  for (const descriptor of kept) setCloseOnExec(descriptor, false);
  const restoreFiles = softFileLimit.lower();
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  execve(path, [...argv, null], [...environment, null]);
  const errno = lastErrno();
  restoreFiles();
  for (const descriptor of kept) setCloseOnExec(descriptor, true);
  throw new SystemError('execve', errno, path);
}

/**
 * A file that is nowhere but in memory, with that text, to be read from its start.
 * @returns its descriptor, close-on-exec
 */
export function memoryFile(name: string, text: string): number {
  const descriptor = must(memfdCreate(name, MFD_CLOEXEC), 'memfd_create');
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return descriptor;
}
