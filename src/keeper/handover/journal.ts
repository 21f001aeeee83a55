/**
 * RUN_DIR/state.journal: what the keeper knows, for the next keeper should this one be killed (0600,
 * written whole or not at all). Each line is a transaction, the entries that have changed since the line before: one
 * line a turn of the event loop, so that a change costs its own size and not that of everything. The file is written
 * anew, and renamed into place, when most of it is out of date. Threads write it, because a disk that hangs must not
 * hold up the keeper.
 */
import { constants, unlinkSync } from 'node:fs';
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileIdentity } from '../../os/listener.ts';

export const JOURNAL_FILE = 'state.journal';

const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
/** How long a request waits for a disk that hangs. */
const PATIENCE_MS = 1000;
const RETRY_MS = 1000;
/** The file is written anew when it is larger than so many times its live entries, and more than this. */
const GROWTH = 3;
const LEAST_GARBAGE_BYTES = 256 * 1024;

/** `keeper`, `listener:ID`, `worker:PID` or `note:NAME`. */
export type EntryKey = 'keeper' | `${'listener' | 'worker' | 'note'}:${string}`;

export interface JournalPorts {
  /** All that there is. */
  readonly keys: () => readonly EntryKey[];
  /** As it is now; null: it is gone. */
  readonly entry: (key: EntryKey) => unknown;
  /** Why it cannot be written, told once until it can be again. */
  readonly failed: (message: string) => void;
}

interface Batch {
  keys: ReadonlySet<EntryKey>;
  readonly written: Promise<void>;
  readonly done: () => void;
}

export class Journal {
  readonly #path: string;
  readonly #ports: JournalPorts;
  readonly #changed = new Set<EntryKey>();
  /** How long the latest text of each live entry is. */
  readonly #lengths = new Map<EntryKey, number>();
  #liveLength = 0;
  #file: FileHandle | null = null;
  /** Which file that is. */
  #identity: FileIdentity = { dev: -1, ino: -1 };
  #fileBytes = 0;
  /** What changes now is written with the next batch. */
  #next: Batch = newBatch();
  #current: Batch | null = null;
  #running: Promise<void> | null = null;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #hasFailed = false;

  constructor(runDir: string, ports: JournalPorts) {
    this.#path = join(runDir, JOURNAL_FILE);
    this.#ports = ports;
  }

  /** It is written in a moment, with all that changes in the same turn. */
  changed(key: EntryKey): void {
    this.#changed.add(key);
    this.#run();
  }

  /**
   * What there is now is written, or cannot be, or a disk hangs.
   * @param key only of this entry; null: of all
   */
  async written(key: EntryKey | null = null): Promise<void> {
    const has = (keys: ReadonlySet<EntryKey>): boolean => (key === null ? keys.size > 0 : keys.has(key));
    const inFlight = this.#current !== null && has(this.#current.keys) ? this.#current : null;
    const batch = has(this.#changed) ? this.#next : inFlight;
    if (batch === null) return;
    this.#run();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(resolve, PATIENCE_MS).unref();
    });
    await Promise.race([batch.written, patience]);
    clearTimeout(timer);
  }

  /** The end: no keeper is to continue from it. */
  async remove(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#running;
    await this.#file?.close().catch(() => {});
    try {
      unlinkSync(this.#path);
    } catch {
      // it was never written, or the directory is gone
    }
  }

  #run(): void {
    if (!this.#isClosed) this.#running ??= this.#writeAll().finally(() => this.#ended());
  }

  #ended(): void {
    this.#running = null;
    if (this.#changed.size === 0 || this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#run(), RETRY_MS).unref();
  }

  /** Until nothing is left to be written, or something cannot be. */
  async #writeAll(): Promise<void> {
    await nextTurn(); // several messages come at once
    while (this.#changed.size > 0 && !this.#isClosed) {
      const why = await this.#whyRewritten();
      // From here to the text nothing waits: what belongs together is in one line.
      const keys = [...this.#changed];
      this.#changed.clear();
      const batch = this.#next;
      batch.keys = new Set(keys);
      this.#next = newBatch();
      this.#current = batch;
      const isWritten = await this.#write(keys, why).then(
        () => true,
        (error: unknown) => this.#report(error),
      );
      if (!isWritten) for (const key of keys) this.#changed.add(key);
      this.#current = null;
      batch.done();
      if (!isWritten) return;
      this.#hasFailed = false;
    }
  }

  /** Why the file has to be written anew: somebody removed it or put another one in its place, or it has grown. */
  async #whyRewritten(): Promise<'lost' | 'grown' | null> {
    if (this.#file === null) return 'lost';
    try {
      const { dev, ino } = await lstat(this.#path);
      if (ino !== this.#identity.ino || dev !== this.#identity.dev) return 'lost';
    } catch {
      return 'lost';
    }
    return this.#fileBytes > GROWTH * this.#liveLength + LEAST_GARBAGE_BYTES ? 'grown' : null;
  }

  #write(keys: readonly EntryKey[], why: 'lost' | 'grown' | null): Promise<void> {
    if (why === null) return this.#append(keys);
    // A disk that has no room for a second file may have room for a line.
    return why === 'lost' ? this.#rewrite() : this.#rewrite().catch(() => this.#append(keys));
  }

  /** At its own place in the file: what is left of a line that could not be written whole is overwritten. */
  async #append(keys: readonly EntryKey[]): Promise<void> {
    const bytes = Buffer.from(this.#line(keys));
    const file = this.#file;
    if (file === null) return;
    try {
      await writeAt(file, bytes, this.#fileBytes);
    } catch (error) {
      await file.truncate(this.#fileBytes).catch(() => {});
      throw error;
    }
    this.#fileBytes += bytes.length;
  }

  async #rewrite(): Promise<void> {
    this.#lengths.clear();
    this.#liveLength = 0;
    const bytes = Buffer.from(this.#line(this.#ports.keys()));
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, WRITE, 0o600);
    try {
      await writeAt(file, bytes, 0);
      this.#identity = await file.stat();
      await rename(temporary, this.#path);
    } catch (error) {
      await file.close().catch(() => {});
      await unlink(temporary).catch(() => {});
      throw error;
    }
    const before = this.#file;
    this.#file = file;
    this.#fileBytes = bytes.length;
    await before?.close().catch(() => {});
  }

  #line(keys: readonly EntryKey[]): string {
    const parts = keys.map(key => {
      const value = JSON.stringify(this.#ports.entry(key) ?? null);
      const text = `${JSON.stringify(key)}:${value}`;
      this.#liveLength -= this.#lengths.get(key) ?? 0;
      if (value === 'null') this.#lengths.delete(key);
      else this.#lengths.set(key, text.length);
      this.#liveLength += this.#lengths.get(key) ?? 0;
      return text;
    });
    return `{${parts.join(',')}}\n`;
  }

  #report(error: unknown): false {
    if (this.#hasFailed) return false;
    this.#hasFailed = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#ports.failed(
      `${this.#path} cannot be written (${reason}): should the keeper be killed now, the next start would not find all of its workers`,
    );
    return false;
  }
}

/** A disk that is full takes the first part. */
async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

function newBatch(): Batch {
  let done: () => void = () => {};
  const written = new Promise<void>(resolve => {
    done = resolve;
  });
  return { keys: new Set(), written, done };
}
