/**
 * Waiting for something that can be seen, with a deadline. A test never sleeps for luck: it names what it
 * waits for, and the message of a missed deadline says what was seen last.
 */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;

export interface Wait {
  /** Ends the sentence "waited N ms for …". */
  readonly what: string;
  readonly deadlineMs?: number;
  /** Between two looks, where a look costs what is measured. */
  readonly everyMs?: number;
  /** Added to the message when the deadline is missed. */
  readonly explain?: () => string;
}

/**
 * Looks until `look` returns something other than undefined and false.
 * An exception from `look` ends the wait: what may fail for a while must be caught by the one who looks.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  wait: Wait,
): Promise<Exclude<T, undefined | false>> {
  const deadlineMs = wait.deadlineMs ?? 10_000;
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
    if (performance.now() > endMs) {
      const explanation = wait.explain === undefined ? '' : `\n${wait.explain()}`;
      throw new Error(`waited ${deadlineMs} ms for ${wait.what}${explanation}`);
    }
    await delay(wait.everyMs ?? LOOK_EVERY_MS);
  }
}
