/**
 * Requests of an access log in the order of their arrival. A log has them in the order of their ends, so those that
 * may still be overtaken by an earlier arrival are held back: memory is bounded by what arrives within the window.
 */
import TinyQueue from 'tinyqueue';

export interface Arrival {
  readonly atMs: number;
  readonly serviceMs: number;
}

/** A request that takes longer than this counts as having begun so long before its end. */
export const LONGEST_REQUEST_MS = 120_000;

export class Arrivals {
  readonly #held = new TinyQueue<Arrival>([], (a, b) => a.atMs - b.atMs);
  readonly #emit: (arrival: Arrival) => void;
  #releasedMs = Number.NEGATIVE_INFINITY;

  constructor(emit: (arrival: Arrival) => void) {
    this.#emit = emit;
  }

  /** A request ended, so long after its arrival; a worker had it for `serviceMs`. */
  ended(endMs: number, totalMs: number, serviceMs: number): void {
    const atMs = endMs - Math.min(totalMs, LONGEST_REQUEST_MS);
    // Lines of several nginx processes may be out of order by a buffer: what is too late comes now.
    const arrival = { atMs: Math.max(atMs, this.#releasedMs), serviceMs };
    this.#held.push(arrival);
    this.#release(endMs - LONGEST_REQUEST_MS);
  }

  /** The log is over. */
  finish(): void {
    this.#release(Number.POSITIVE_INFINITY);
  }

  #release(untilMs: number): void {
    for (;;) {
      const arrival = this.#held.peek();
      if (arrival === undefined || arrival.atMs > untilMs) return;
      this.#held.pop();
      this.#releasedMs = arrival.atMs;
      this.#emit(arrival);
    }
  }
}
