/**
 * How often a pool's user may have the files read: each reload reads and checks all of them, which takes the supervisor
 * as long as there are pools, and meanwhile it does nothing else. Who asks without pause gets a tenth of its time.
 */
import type { Asker } from './reload-queue.ts';
import type { Supervisor } from './supervisor.ts';

/** So many times as long as its last reading took, a user waits for the next one. */
const REST = 9;

export class ReadingLimit {
  readonly #supervisor: Supervisor;
  /** A user may ask again. */
  readonly #onRested: () => void;
  readonly #resting = new Set<number>();

  constructor(supervisor: Supervisor, onRested: () => void) {
    this.#supervisor = supervisor;
    this.#onRested = onRested;
  }

  mayRead({ uid, mayDoAll }: Asker['caller']): boolean {
    return mayDoAll || !this.#resting.has(uid);
  }

  async read<T>({ uid, mayDoAll }: Asker['caller'], work: () => Promise<T>): Promise<T> {
    if (mayDoAll) return await work();
    const { clock } = this.#supervisor.ports;
    const beganAtMs = clock.nowMs();
    this.#resting.add(uid);
    try {
      return await work();
    } finally {
      clock.after(REST * (clock.nowMs() - beganAtMs), () => {
        this.#resting.delete(uid);
        this.#onRested();
      });
    }
  }
}
