/**
 * How much of /proc one look may read. What it costs to look into a process is for the user of that process to choose:
 * he opens descriptors, forks, starts threads. So each look counts what it reads, and stops when its budget is spent:
 * what was not read is unknown, and unknown is never idle, free or stopped.
 */

/** Of a look that no pool pays for: some 100 ms. */
const ONE_LOOK = 32_768;

/** Each pool within `REFILL_MS`: some 25 ms of looks. */
const POOL = 8192;
/** More for each worker, of which an ordinary one takes 20 to 60 a look; a large one takes several hundred. */
const PER_WORKER = 256;
const REFILL_MS = 500;
/** What one entry costs on average; the few reads that may take the kernel long are counted in time. */
const ENTRY_MS = 0.003;

export class LookBudget {
  #left: number;
  /** Spent: a look that has to stop in the middle is worth nothing, so the next one begins when the budget is full. */
  #isClosed = false;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  constructor(entries: number = ONE_LOOK) {
    this.#left = entries;
  }

  /** @returns whether the next entry may be read: of a directory, of a list, or a small file */
  take(): boolean {
    if (this.isSpent) return false;
    this.#left--;
    return true;
  }

  get isSpent(): boolean {
    this.#isClosed ||= this.#left <= 0;
    return this.#isClosed;
  }

  /** Runs a read whose cost only the time tells, and may go into debt for it. @returns null: nothing is left */
  timed<T>(readIt: () => T): T | null {
    if (!this.take()) return null;
    const beganMs = performance.now();
    try {
      return readIt();
    } finally {
      this.#left -= Math.floor((performance.now() - beganMs) / ENTRY_MS);
    }
  }

  /** For a pool with so many workers: fills up with time, so that no pool takes more than a share of it. */
  refill(workers: number, nowMs: number): void {
    const most = POOL + workers * PER_WORKER;
    const share = Math.min(1, (nowMs - this.#filledAtMs) / REFILL_MS);
    this.#left = Math.min(most, this.#left + Math.floor(most * share));
    this.#filledAtMs = nowMs;
    if (this.#left === most) this.#isClosed = false;
  }
}

/** A look at all processes of the machine: one user's processes do not use up what there is for those of others. */
export class LookBudgets {
  readonly #byUser = new Map<number | null, LookBudget>();

  /** @param uid null: not known */
  of(uid: number | null): LookBudget {
    const known = this.#byUser.get(uid);
    if (known !== undefined) return known;
    const budget = new LookBudget();
    this.#byUser.set(uid, budget);
    return budget;
  }
}
