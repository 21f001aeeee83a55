/** When somebody's time is over, with one timer for all: everybody has the same time, so who came first is first. */

export class TimeLimit<T> {
  readonly #limitMs: number;
  readonly #expired: (who: T) => void;
  /** In the order of their coming, with the end of their time. */
  readonly #endsMs = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs 0 = for ever */
  constructor(limitMs: number, expired: (who: T) => void) {
    this.#limitMs = limitMs;
    this.#expired = expired;
  }

  add(who: T): void {
    if (this.#limitMs === 0) return;
    this.#endsMs.set(who, performance.now() + this.#limitMs);
    if (this.#timer === undefined) this.#wait(this.#limitMs);
  }

  delete(who: T): void {
    this.#endsMs.delete(who);
    if (this.#endsMs.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.ceil(ms));
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [who, endMs] of this.#endsMs) {
      if (endMs > nowMs) {
        this.#wait(endMs - nowMs);
        return;
      }
      this.#endsMs.delete(who);
      this.#expired(who);
    }
  }
}
