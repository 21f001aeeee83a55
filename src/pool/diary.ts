/** What was decided about a pool lately, with the reasons: what `fpm-ts explain POOL` shows. */
import type { Reason } from './why.ts';

/** The oldest entries give way. */
const ENTRIES = 100;

export interface Entry {
  /** Milliseconds since the epoch: of the first, and of the last time in a row. */
  readonly atMs: number;
  lastAtMs: number;
  times: number;
  /** What was done, in words. */
  readonly what: string;
  readonly reasons: readonly Reason[];
}

export class Diary {
  readonly #entries: Entry[] = [];
  #lastKey = '';

  /** The oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The same again is counted: by what was done and the kinds of its reasons, whatever their numbers. */
  write(atMs: number, what: string, reasons: readonly Reason[]): void {
    const key = [what, ...reasons.map(({ code }) => code)].join();
    const last = this.#entries.at(-1);
    if (last !== undefined && key === this.#lastKey) {
      last.lastAtMs = atMs;
      last.times++;
      return;
    }
    this.#lastKey = key;
    this.#entries.push({ atMs, lastAtMs: atMs, times: 1, what, reasons });
    if (this.#entries.length > ENTRIES) this.#entries.shift();
  }
}
