/**
 * posix_spawn(3): a child with exactly the descriptors, signal dispositions, environment, directory and umask
 * that are named, in a session of its own.
 */

import { softFileLimit } from './file-limit.ts';
import { declare, must, SystemError } from './libc.ts';

const actionsInit = declare('int posix_spawn_file_actions_init(void*)');
const actionsDestroy = declare('int posix_spawn_file_actions_destroy(void*)');
const actionsDup2 = declare('int posix_spawn_file_actions_adddup2(void*, int, int)');
const actionsChdir = declare('int posix_spawn_file_actions_addchdir_np(void*, const char*)');
const attrInit = declare('int posix_spawnattr_init(void*)');
const attrDestroy = declare('int posix_spawnattr_destroy(void*)');
const attrFlags = declare('int posix_spawnattr_setflags(void*, short)');
const attrDefault = declare('int posix_spawnattr_setsigdefault(void*, void*)');
const attrMask = declare('int posix_spawnattr_setsigmask(void*, void*)');
const setEmpty = declare('int sigemptyset(void*)');
const posixSpawn = declare(
  'int posix_spawn(_Out_ int*, const char*, void*, void*, const char**, const char**)',
);

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** Larger than these structures are in any C library (glibc: 80, 336 and 128 bytes). */
const STRUCTURE_BYTES = 1024;
/**
 * A sigset_t of every signal. Not sigfillset(3): it leaves out the C library's own signals 32 and 33, and
 * posix_spawn then leaves those ignored in the child (glibc, spawni.c).
 */
const ALL_SIGNALS: Buffer = Buffer.alloc(STRUCTURE_BYTES, 0xff);

export interface SpawnOptions {
  /** Path of the executable; nothing is searched. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The child's descriptors by number; it gets no others, because all of ours are close-on-exec. */
  readonly descriptors: ReadonlyMap<number, number>;
  readonly cwd?: string;
  readonly umask?: number;
}

/**
 * Starts a child: signals at their defaults and unblocked, own session, the soft descriptor limit that we were
 * started with.
 * @returns its pid
 * @throws {SystemError} when the executable, the directory or the kernel refuses
 */
export function spawn(options: SpawnOptions): number {
  const actions = Buffer.alloc(STRUCTURE_BYTES);
  const attributes = Buffer.alloc(STRUCTURE_BYTES);
  const noSignals = Buffer.alloc(STRUCTURE_BYTES);
  setEmpty(noSignals);
  actionsInit(actions);
  attrInit(attributes);
  try {
    attrFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID);
    attrDefault(attributes, ALL_SIGNALS);
    attrMask(attributes, noSignals);
    for (const [target, descriptor] of options.descriptors) actionsDup2(actions, descriptor, target);
    if (options.cwd !== undefined) actionsChdir(actions, options.cwd);
    return withInheritedState(options.umask, () => {
      const pid: [number] = [0];
      const environment = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
      const errno = posixSpawn(
        pid,
        options.path,
        actions,
        attributes,
        [...options.argv, null],
        [...environment, null],
      );
      if (errno !== 0) throw new SystemError('spawn', errno, options.path);
      return must(pid[0], 'spawn');
    });
  } finally {
    actionsDestroy(actions);
    attrDestroy(attributes);
  }
}

/** The umask and the soft descriptor limit are inherited, so they are set on ourselves for the instant of the call. */
function withInheritedState<T>(umask: number | undefined, call: () => T): T {
  const restoreFiles = softFileLimit.lower();
  const before = umask === undefined ? null : process.umask(umask);
  try {
    return call();
  } finally {
    if (before !== null) process.umask(before);
    restoreFiles();
  }
}
