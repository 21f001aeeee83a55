/** What was decided about a pool lately, with the reasons: what `fpm-ts explain POOL` shows. */

/** The oldest entries give way. */
const ENTRIES = 100;
/** What comes again within this time of the last is the same decision, going on. */
const AGAIN_MS = 1000;

export interface Because {
  readonly code: string;
  readonly text: string;
  /** What led there, by name. */
  readonly numbers: Readonly<Record<string, number | string>>;
}

export interface Entry {
  /** Of the clock in os/clock.ts: of the first time, and of the last one in a row. */
  readonly atMs: number;
  lastAtMs: number;
  times: number;
  /** What was done, in words. */
  readonly what: string;
  readonly reasons: readonly Because[];
}

export class DecisionLog {
  readonly #entries: Entry[] = [];
  #lastKey = '';

  /** The oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The same again, soon, is counted: by what was done and the kinds of its reasons, whatever their numbers. */
  write(atMs: number, what: string, reasons: readonly Because[]): void {
    const key = [what, ...reasons.map(({ code }) => code)].join();
    const last = this.#entries.at(-1);
    if (last !== undefined && key === this.#lastKey && atMs - last.lastAtMs <= AGAIN_MS) {
      last.lastAtMs = atMs;
      last.times++;
      return;
    }
    this.#lastKey = key;
    this.#entries.push({ atMs, lastAtMs: atMs, times: 1, what, reasons });
    if (this.#entries.length > ENTRIES) this.#entries.shift();
  }
}
