/** One timer for all connections that something is due from; none while nothing is. */
import { nowMs } from '../os/clock.ts';
import { DescriptorTable } from '../os/descriptor-table.ts';

/** How exact it is: what is due may be told that much later. */
const LOOK_EVERY_MS = 1_000;

export interface Awaited {
  readonly descriptor: number;
  /** What was due has not come. */
  overdue(): void;
}

interface Due {
  readonly awaited: Awaited;
  readonly ms: number;
}

export class Deadlines {
  readonly #due = new DescriptorTable<Due>();
  #timer: NodeJS.Timeout | null = null;

  has({ descriptor }: Awaited): boolean {
    return this.#due.get(descriptor) !== undefined;
  }

  /** From now on; a deadline that it had before is forgotten. */
  set(awaited: Awaited, withinMs: number): void {
    this.#due.set(awaited.descriptor, { awaited, ms: nowMs() + withinMs });
    this.#start();
  }

  /** What was due has come; call it before the descriptor is closed. */
  clear({ descriptor }: Awaited): void {
    this.#due.delete(descriptor);
  }

  /** Left running when the last one is cleared, as they come and go faster than a timer should; it keeps no process. */
  #start(): void {
    if (this.#timer === null) this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #look(): void {
    this.#timer = null;
    const now = nowMs();
    for (const due of this.#due.values()) {
      const { awaited, ms } = due;
      // One that was looked at before may have ended another one's wait.
      if (ms > now || this.#due.get(awaited.descriptor) !== due) continue;
      this.#due.delete(awaited.descriptor);
      awaited.overdue();
    }
    if (this.#due.size > 0) this.#start();
  }
}
