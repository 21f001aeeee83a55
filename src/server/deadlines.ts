/** One timer for everything that something is due from; none while nothing is. */
import { nowMs } from '../os/clock.ts';

/** How exact it is: what is due may be told that much later. */
const LOOK_EVERY_MS = 1_000;

export class Deadlines<T> {
  readonly #missed: (item: T) => void;
  readonly #due = new Map<T, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(missed: (item: T) => void) {
    this.#missed = missed;
  }

  has(item: T): boolean {
    return this.#due.has(item);
  }

  /** From now on; a deadline that it had before is forgotten. */
  set(item: T, withinMs: number): void {
    this.#due.set(item, nowMs() + withinMs);
    this.#start();
  }

  /** What was due has come. */
  clear(item: T): void {
    this.#due.delete(item);
  }

  /** Left running when the last one is cleared, as they come and go faster than a timer should; it keeps no process. */
  #start(): void {
    if (this.#timer === null) this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #look(): void {
    this.#timer = null;
    const now = nowMs();
    for (const [item, dueMs] of this.#due) {
      if (dueMs > now) continue;
      this.#due.delete(item);
      this.#missed(item);
    }
    if (this.#due.size > 0) this.#start();
  }
}
