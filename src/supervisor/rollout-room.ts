/** How many rollouts run side by side, and how many workers they may start together. */
import { availableParallelism } from 'node:os';
import type { Supervisor } from './supervisor.ts';

/** Starting workers keeps the cores busy, waiting for them does not. */
const SIDE_BY_SIDE: number = 8 * availableParallelism();
/**
 * A rollout that takes longer has started what it may and waits, perhaps until start_timeout: it gives its place to the
 * next one. Programs that never accept hold up nobody's reload then, however many there are.
 */
const STARTED_AFTER_MS = 3000;

interface Waiting {
  /** How many workers it starts beside those that there are; asked when its turn comes. */
  readonly workers: () => number;
  readonly enter: (leave: () => void) => void;
}

/** Where process.max or free memory leaves no room for another rollout, it waits. */
export class RolloutRoom {
  readonly #supervisor: Supervisor;
  #running = 0;
  #workers = 0;
  #waiting: Waiting[] = [];

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** @returns what is to be called at the end */
  enter(workers: () => number): Promise<() => void> {
    return new Promise(enter => {
      this.#waiting.push({ workers, enter });
      this.#admit();
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const workers = next.workers();
      const isFull = this.#running >= SIDE_BY_SIDE;
      if (isFull || (this.#running > 0 && !this.#supervisor.hasRoomFor(this.#workers + workers))) return;
      this.#waiting.shift();
      next.enter(this.#place(workers));
    }
  }

  #place(workers: number): () => void {
    this.#running++;
    this.#workers += workers;
    let isHeld = true;
    const free = (): void => {
      if (!isHeld) return;
      isHeld = false;
      cancel();
      this.#running--;
      this.#workers -= workers;
      this.#admit();
    };
    const cancel = this.#supervisor.ports.clock.after(STARTED_AFTER_MS, free);
    return free;
  }
}
