/** The run directory and the locked pid file: who holds the lock is the one supervisor of this run directory. */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tryLock } from '../os/descriptor.ts';

const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * Makes the directory for sockets and pid file, which must be ours: in /tmp another user could have made it first.
 * @throws {Error} when it is a link, no directory, or somebody else's
 */
export function makeRunDir(path: string): void {
  const uid = process.getuid?.() ?? 0;
  mkdirSync(path, { recursive: true, mode: uid === 0 ? 0o755 : 0o700 });
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new Error(`run_dir ${path} is no directory`);
  if (stat.uid !== uid && stat.uid !== 0) {
    throw new Error(
      `run_dir ${path} belongs to uid ${stat.uid}, not to us (uid ${uid}): remove it or set another run_dir`,
    );
  }
}

export class PidFile {
  readonly path: string;
  readonly #descriptor: number;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Takes the lock and writes our pid. A file left by a process that died is taken over.
   * @returns the pid in the file when somebody else holds it (0 when it cannot be read)
   */
  static take(path: string): PidFile | { readonly heldBy: number } {
    for (;;) {
      const descriptor = openSync(path, OPEN_FLAGS, 0o644);
      if (!tryLock(descriptor)) {
        closeSync(descriptor);
        return { heldBy: Number.parseInt(readFileSync(path, 'latin1'), 10) || 0 };
      }
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino) {
        ftruncateSync(descriptor);
        writeSync(descriptor, `${process.pid}\n`, 0);
        return new PidFile(path, descriptor);
      }
      closeSync(descriptor); // its holder removed it between our open and our lock: once more
    }
  }

  /** One that this process took before it became another program; the lock goes with the descriptor. */
  static inherited({ path, descriptor }: { readonly path: string; readonly descriptor: number }): PidFile {
    return new PidFile(path, descriptor);
  }

  /** For the program that this process becomes. */
  get passed(): { readonly path: string; readonly descriptor: number } {
    return { path: this.path, descriptor: this.#descriptor };
  }

  /** Who looks for us under the path finds us. */
  isInPlace(): boolean {
    return lstatSync(this.path, { throwIfNoEntry: false })?.ino === fstatSync(this.#descriptor).ino;
  }

  /** Removes the file when it is still ours, then lets go of the lock. */
  release(): void {
    if (this.isInPlace()) unlinkSync(this.path);
    closeSync(this.#descriptor);
  }
}
