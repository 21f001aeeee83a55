/** How many rollouts run side by side, and how many workers they may start together. */
import { availableParallelism } from 'node:os';
import type { Supervisor } from './supervisor.ts';

/** Starting workers keeps the cores busy, waiting for them does not. */
const SIDE_BY_SIDE: number = 8 * availableParallelism();
/** Of these, reloads that only users of pools have asked for get so many: somebody may have many pools. */
const OF_USERS: number = SIDE_BY_SIDE / 2;
/**
 * A rollout that takes longer has started what it may and waits, perhaps until start_timeout: it gives its place to the
 * next one. Programs that never accept hold up nobody's reload then, however many there are.
 */
const STARTED_AFTER_MS = 3000;

interface Waiting {
  /** How many workers it starts beside those that there are; asked when its turn comes. */
  readonly workers: () => number;
  /** Only users of pools have asked for it; asked when its turn comes. */
  readonly isOfUsers: () => boolean;
  readonly enter: (leave: () => void) => void;
}

/** Where process.max or free memory leaves no room for another rollout, it waits. */
export class RolloutRoom {
  readonly #supervisor: Supervisor;
  #running = 0;
  #ofUsers = 0;
  #workers = 0;
  #waiting: Waiting[] = [];

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** @returns what is to be called at the end */
  enter(workers: () => number, isOfUsers: () => boolean): Promise<() => void> {
    return new Promise(enter => {
      this.#waiting.push({ workers, isOfUsers, enter });
      this.#admit();
    });
  }

  #admit(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const { workers, isOfUsers, enter } = next;
      const count = workers();
      if (this.#running > 0 && !this.#supervisor.hasRoomFor(this.#workers + count)) return;
      this.#waiting = this.#waiting.filter(it => it !== next);
      enter(this.#place(count, isOfUsers()));
    }
  }

  /** Those of administrators come before those of users. */
  #next(): Waiting | null {
    if (this.#running >= SIDE_BY_SIDE) return null;
    const first = this.#waiting.find(({ isOfUsers }) => !isOfUsers());
    return first ?? (this.#ofUsers < OF_USERS ? (this.#waiting[0] ?? null) : null);
  }

  #place(workers: number, isOfUsers: boolean): () => void {
    this.#running++;
    this.#ofUsers += Number(isOfUsers);
    this.#workers += workers;
    let isHeld = true;
    const free = (): void => {
      if (!isHeld) return;
      isHeld = false;
      cancel();
      this.#running--;
      this.#ofUsers -= Number(isOfUsers);
      this.#workers -= workers;
      this.#admit();
    };
    const cancel = this.#supervisor.ports.clock.after(STARTED_AFTER_MS, free);
    return free;
  }
}
