/**
 * posix_spawn(3) in a thread, for whoever starts many short programs: the caller is not held up until the child has
 * become its program (0.4 ms), and several start at once.
 */
import { declare } from './libc.ts';
import { FileActions, SETPGROUP, spawnAttributes } from './posix-spawn.ts';
import { StringVector } from './string-vector.ts';

const posixSpawn = declare('int posix_spawn(void*, void*, void*, void*, void*, void*)');

const ATTRIBUTES = spawnAttributes(SETPGROUP);
const NUL: Buffer = Buffer.alloc(1);

export interface Launch {
  /** Path of the executable, as it is seen by the child in its directory with its descriptors; nothing is searched. */
  readonly path: Buffer;
  readonly argv: readonly Buffer[];
  /** Names in ASCII. */
  readonly environment: ReadonlyMap<string, Buffer>;
  /** The working directory, an open descriptor. */
  readonly directory: number;
  /**
   * The child's descriptors 0, 1, 2 and so on; it gets no others, because all of ours are close-on-exec. They are
   * put there in this order, so none may have the number of one before it.
   */
  readonly descriptors: readonly number[];
}

/**
 * Starts a child: signals at their defaults and unblocked, the leader of a process group of its own, in our session
 * (a session of its own would cost each an autogroup of the scheduler), with our umask and limits. The descriptors are
 * used until `done` is called, which is never before this returns.
 * @param done with the errno and -1, or with 0 and the pid
 */
export function launch(child: Launch, done: (errno: number, pid: number) => void): void {
  const call = spare.pop() ?? new Call();
  call.start(child, (errno, pid) => {
    spare.push(call);
    done(errno, pid);
  });
}

/** What a call needs until it has come back; then it serves the next one. */
class Call {
  readonly #argv = new StringVector();
  readonly #environment = new StringVector();
  readonly #actions = new FileActions();
  readonly #pid: Buffer = Buffer.alloc(4);
  #path: Buffer = NUL;

  start(child: Launch, done: (errno: number, pid: number) => void): void {
    this.#argv.clear();
    for (const argument of child.argv) this.#argv.add(argument);
    this.#environment.clear();
    for (const [name, value] of child.environment) this.#environment.addVariable(name, value);
    this.#path = Buffer.concat([child.path, NUL]);
    const actions = this.#actions;
    actions.init();
    // First, as the directory's own number may be among those that are replaced.
    actions.fchdir(child.directory);
    child.descriptors.forEach((descriptor, target) => {
      actions.dup2(descriptor, target);
    });
    const finished = (_error: unknown, errno: number): void => {
      actions.destroy();
      done(errno, errno === 0 ? this.#pid.readInt32LE(0) : -1);
    };
    posixSpawn.async(
      this.#pid,
      this.#path,
      actions.structure,
      ATTRIBUTES,
      this.#argv.pointers(),
      this.#environment.pointers(),
      finished,
    );
  }
}

const spare: Call[] = [];
