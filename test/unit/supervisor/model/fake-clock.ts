/** Time that passes only when the test says so. What is due happens in order, each with all that follows from it. */
import type { Clock } from '../../../../src/os/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly work: () => void;
  isCancelled: boolean;
}

export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  #timers: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  soon(work: () => void): void {
    this.after(0, work);
  }

  after(milliseconds: number, work: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, milliseconds), work, isCancelled: false };
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1]?.atMs ?? 0) > timer.atMs) at--;
    this.#timers.splice(at, 0, timer);
    return () => {
      timer.isCancelled = true;
    };
  }

  /** Lets time pass. */
  async pass(milliseconds: number): Promise<void> {
    const untilMs = this.#nowMs + milliseconds;
    await settled();
    for (let next = this.#timers[0]; next !== undefined && next.atMs <= untilMs; next = this.#timers[0]) {
      this.#timers.shift();
      if (next.isCancelled) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.work();
      await settled();
    }
    this.#nowMs = untilMs;
  }
}

/** All promises that can be settled now are. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
