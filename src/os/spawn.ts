/**
 * A child with exactly the descriptors, signal dispositions, environment, directory and umask
 * that are named, in a session of its own.
 */

import { lowerHardFileLimit, softFileLimit } from './file-limit.ts';
import { declare, SystemError } from './libc.ts';
import { FileActions, SETSID, spawnAttributes } from './posix-spawn.ts';
import { StringVector } from './string-vector.ts';

const posixSpawn = declare('int posix_spawn(void*, void*, void*, void*, void*, void*)');

const ATTRIBUTES = spawnAttributes(SETSID);

export interface Command {
  /** Path of the executable; nothing is searched. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly umask?: number;
  /** The hard limit of descriptors, where it would inherit a higher one; null and undefined: it inherits. */
  readonly filesMax?: number | null;
}

/** A command as the kernel takes it, so that many children of it are started without writing it out for each. */
export class Program {
  readonly #path: Buffer;
  readonly #name: string;
  readonly #argv = new StringVector();
  readonly #environment = new StringVector();
  readonly #umask: number | undefined;
  readonly #filesMax: bigint | null;
  readonly #actions = new FileActions();
  readonly #pid: Buffer = Buffer.alloc(4);

  constructor({ path, argv, env, umask, filesMax }: Command) {
    this.#path = Buffer.from(`${path}\0`);
    this.#name = path;
    for (const argument of argv) this.#argv.add(Buffer.from(argument));
    for (const [name, value] of Object.entries(env)) this.#environment.add(Buffer.from(`${name}=${value}`));
    this.#umask = umask;
    this.#filesMax = typeof filesMax === 'number' ? BigInt(filesMax) : null;
  }

  /**
   * Starts a child: signals at their defaults and unblocked, own session, the soft descriptor limit that we were
   * started with.
   * @param descriptors the child's by number; it gets no others, because all of ours are close-on-exec
   * @param directory a descriptor of the directory that it works in, if not in ours
   * @returns its pid
   * @throws {SystemError} when the executable, the directory or the kernel refuses
   */
  spawn(descriptors: ReadonlyMap<number, number>, directory?: number): number {
    const actions = this.#actions;
    actions.init();
    try {
      for (const [target, descriptor] of descriptors) actions.dup2(descriptor, target);
      if (directory !== undefined) actions.fchdir(directory);
      return withInheritedState(this.#umask, () => {
        const errno = posixSpawn(
          this.#pid,
          this.#path,
          actions.structure,
          ATTRIBUTES,
          this.#argv.pointers(),
          this.#environment.pointers(),
        );
        if (errno !== 0) throw new SystemError('spawn', errno, this.#name);
        const pid = this.#pid.readInt32LE(0);
        if (this.#filesMax !== null) lowerHardFileLimit(pid, this.#filesMax);
        return pid;
      });
    } finally {
      actions.destroy();
    }
  }
}

/** Starts one child of a command. @throws {SystemError} as `Program.spawn` */
export function spawn(
  command: Command & { readonly descriptors: ReadonlyMap<number, number>; readonly directory?: number },
): number {
  return new Program(command).spawn(command.descriptors, command.directory);
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
