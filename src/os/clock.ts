/**
 * The clock of every decision: CLOCK_MONOTONIC, which nobody can set, and which keeper, supervisor and their successors
 * read alike as long as the machine runs (clock_gettime(2)). What is counted from the epoch is for people only.
 */

/** What performance.now() leaves out: the time between the start of the clock and that of this process. */
const PROCESS_STARTED_AT_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the monotonic clock. */
export function nowMs(): number {
  return PROCESS_STARTED_AT_MS + performance.now();
}

/** What the wall clock, as it is set now, says of a moment of ours. */
export function dateOf(atMs: number): Date {
  return new Date(Date.now() - (nowMs() - atMs));
}

/** Time as the supervisor's loop has it. */
export interface Clock {
  /** Milliseconds of the monotonic clock. */
  nowMs(): number;
  /** Does it when what is under way is done. */
  soon(work: () => void): void;
  /** @returns a function that gives it up */
  after(milliseconds: number, work: () => void): () => void;
}

export const CLOCK: Clock = {
  nowMs,
  soon: work => {
    setImmediate(work);
  },
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
