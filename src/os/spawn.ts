/**
 * A child with exactly the descriptors, signal dispositions, environment, directory and umask
 * that are named, in a session of its own.
 */

import { softFileLimit } from './file-limit.ts';
import { declare, must, SystemError } from './libc.ts';
import { FileActions, SETSID, spawnAttributes } from './posix-spawn.ts';

const posixSpawn = declare(
  'int posix_spawn(_Out_ int*, const char*, void*, void*, const char**, const char**)',
);

const ATTRIBUTES = spawnAttributes(SETSID);

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
  const actions = new FileActions();
  actions.init();
  try {
    for (const [target, descriptor] of options.descriptors) actions.dup2(descriptor, target);
    if (options.cwd !== undefined) actions.chdir(options.cwd);
    return withInheritedState(options.umask, () => {
      const pid: [number] = [0];
      const environment = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
      const errno = posixSpawn(
        pid,
        options.path,
        actions.structure,
        ATTRIBUTES,
        [...options.argv, null],
        [...environment, null],
      );
      if (errno !== 0) throw new SystemError('spawn', errno, options.path);
      return must(pid[0], 'spawn');
    });
  } finally {
    actions.destroy();
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
