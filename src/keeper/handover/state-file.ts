/**
 * RUN_DIR/state.json: what the keeper knows, for the one that comes after it should it be killed (DESIGN section 8:
 * 0600, written whole or not at all). Written by a thread, because a disk that hangs must not hold up the keeper.
 */
import { constants, fstatSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { closing } from '../../os/descriptor.ts';
import { type KeeperState, parseState } from './state.ts';

export const STATE_FILE = 'state.json';
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A thousand workers are half a megabyte. */
const LARGEST_BYTES = 64 * 1024 * 1024;
/** At most a tenth of our time goes into making the text: a thousand workers that start make it again and again. */
const REST = 9;
const PATIENCE_MS = 1000;

export class StateFile {
  readonly #path: string;
  readonly #state: () => KeeperState;
  readonly #failed: (message: string) => void;
  #isChanged = false;
  #writing: Promise<void> | null = null;
  #isClosed = false;
  #hasFailed = false;

  /**
   * @param state what is to be written
   * @param failed is told why it cannot be written, once until it can be again
   */
  constructor(runDir: string, state: () => KeeperState, failed: (message: string) => void) {
    this.#path = join(runDir, STATE_FILE);
    this.#state = state;
    this.#failed = failed;
  }

  /** It is written in a moment, with all that changes meanwhile. */
  changed(): void {
    this.#isChanged = true;
    if (!this.#isClosed) this.#writing ??= this.#writeAll();
  }

  /** What there is now is written, or cannot be, or a disk hangs. */
  async written(): Promise<void> {
    this.changed();
    await Promise.race([this.#writing, new Promise(resolve => setTimeout(resolve, PATIENCE_MS).unref())]);
  }

  /** The end: nobody is to go on. */
  async remove(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    try {
      unlinkSync(this.#path);
    } catch {
      // it was never written, or the directory is gone
    }
  }

  async #writeAll(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve)); // several messages come at once
    while (this.#isChanged && !this.#isClosed) {
      this.#isChanged = false;
      const startedAtMs = performance.now();
      const text = JSON.stringify(this.#state());
      const restMs = REST * (performance.now() - startedAtMs);
      await this.#write(text).then(
        () => {
          this.#hasFailed = false;
        },
        (error: unknown) => this.#report(error),
      );
      if (this.#isChanged && restMs > 1) await new Promise(resolve => setTimeout(resolve, restMs).unref());
    }
    this.#writing = null;
  }

  async #write(text: string): Promise<void> {
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, WRITE, 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#failed(
      `${this.#path} cannot be written (${reason}): should the keeper be killed now, the next start would not find all of its workers`,
    );
  }
}

/**
 * Reads what a keeper left that was killed.
 * @returns null: nothing; a text: why it cannot be used
 */
export function readStateFile(runDir: string): KeeperState | string | null {
  const path = join(runDir, STATE_FILE);
  try {
    return parseState(readOwn(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return `${path} ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** @throws {Error} when somebody else could have written it */
function readOwn(path: string): string {
  return closing(openSync(path, READ), descriptor => {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('is no file');
    if (stat.uid !== process.geteuid?.()) throw new Error(`belongs to uid ${stat.uid}, not to us`);
    if ((stat.mode & 0o077) !== 0) throw new Error('can be read or written by others');
    if (stat.size > LARGEST_BYTES) throw new Error(`is too large (${stat.size} bytes)`);
    return readFileSync(descriptor, 'utf8');
  });
}
