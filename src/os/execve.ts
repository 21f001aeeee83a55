/** Another program in this very process (execve(2)): same pid, same children, and the descriptors that are named. */
import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setCloseOnExec } from './descriptor.ts';
import { softFileLimit } from './file-limit.ts';
import { declare, lastErrno, must, SystemError } from './libc.ts';

const execve = declare('int execve(const char*, const char**, const char**)');
const memfdCreate = declare('int memfd_create(const char*, unsigned int)');
const sigaction = declare('int sigaction(int, void*, void*)');
const MFD_CLOEXEC = 1;
/** Larger than a struct sigaction is in any C library (glibc: 152 bytes); its first field is the handler. */
const SIGACTION_BYTES = 512;
const SIG_IGN = 1n;
/**
 * Ignored until the new program has handlers. Node blocks SIGUSR1 before it puts signals back to their defaults, so
 * that one (logrotate's) is safe then; another that comes later in its start ends the process all the same.
 */
const IGNORED = ['SIGUSR1', 'SIGHUP', 'SIGUSR2'] as const;

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
  const heedSignals = ignoreSignals();
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  execve(path, [...argv, null], [...environment, null]);
  const errno = lastErrno();
  heedSignals();
  restoreFiles();
  for (const descriptor of kept) setCloseOnExec(descriptor, true);
  throw new SystemError('execve', errno, path);
}

/** @returns what brings the handlers back */
function ignoreSignals(): () => void {
  const ignore = Buffer.alloc(SIGACTION_BYTES);
  ignore.writeBigUInt64LE(SIG_IGN);
  const before = IGNORED.map(name => {
    const number = constants.signals[name];
    const action = Buffer.alloc(SIGACTION_BYTES);
    must(sigaction(number, ignore, action), 'sigaction');
    return { number, action };
  });
  return () => {
    for (const { number, action } of before) must(sigaction(number, action, null), 'sigaction');
  };
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
