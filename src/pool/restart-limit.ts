/**
 * How soon a pool may start workers again after some died young: at once at first, then exponentially later
 * (after OTP's supervisor and FrankenPHP's back-off). Pure: time comes in, the memory goes out.
 */

/** A worker that lived as long as this did start; its death is replaced at once. */
export const YOUNG_MS = 1000;
export const FIRST_DELAY_MS = 100;
export const LONGEST_DELAY_MS = 30_000;
/** With so many failed attempts in a row and no worker left, the pool counts as failed. */
export const FAILED_AFTER_ATTEMPTS = 3;

export interface RestartMemory {
  /** Attempts in a row whose workers died young. */
  readonly failedAttempts: number;
  /** When the last of them was counted, and before when nothing is to be started. */
  readonly countedAtMs: number;
  readonly notBeforeMs: number;
}

export const NO_FAILURES: RestartMemory = { failedAttempts: 0, countedAtMs: 0, notBeforeMs: 0 };

/** The delay after that many failed attempts in a row: 0, 100 ms, 200 ms, … 30 s. */
export function delayMs(failedAttempts: number): number {
  if (failedAttempts <= 1) return 0;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failedAttempts - 2));
}

/**
 * A worker ended by itself. Workers of one attempt that all die count once: a pool of twenty must not wait
 * twenty times longer than a pool of one.
 */
export function afterDeath(
  memory: RestartMemory,
  startedAtMs: number,
  wasReady: boolean,
  nowMs: number,
): RestartMemory {
  if (wasReady && nowMs - startedAtMs >= YOUNG_MS) return memory;
  if (memory.failedAttempts > 0 && startedAtMs < memory.countedAtMs) return memory;
  const failedAttempts = memory.failedAttempts + 1;
  return { failedAttempts, countedAtMs: nowMs, notBeforeMs: nowMs + delayMs(failedAttempts) };
}

/** A worker has been ready for some time: the command works. */
export function afterSuccess(memory: RestartMemory, startedAtMs: number, nowMs: number): RestartMemory {
  // One that was there before the failures says nothing about what fails now.
  const isNews = memory.failedAttempts > 0 && startedAtMs >= memory.countedAtMs;
  return isNews && nowMs - startedAtMs >= YOUNG_MS ? NO_FAILURES : memory;
}
