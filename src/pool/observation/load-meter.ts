/** What the kernel said of a pool's listener, now and at its peaks. */
import { Sightings } from '../../observe/families.ts';
import type { ListenerLoad } from '../../observe/sockets.ts';

export class LoadMeter {
  /** The accepted connections when they were last read; null: never, or it cannot be. */
  accepted: ReadonlySet<number> | null = null;
  /** Since when each of them is known. */
  readonly sightings = new Sightings();
  /** When they were last read. */
  connectionsAtMs: number = Number.NEGATIVE_INFINITY;
  /** The most connections that waited; null: not seen yet. */
  maxWaiting: number | null = null;
  /** The most workers that were busy; null: not seen yet. */
  maxActive: number | null = null;
  /** When a connection was last seen to have been accepted or to have ended. */
  movedAtMs: number = Number.NEGATIVE_INFINITY;
  #waiting: number | null = null;
  #isFull = false;

  /** The connections were not read at the last look. */
  isStale = false;

  /** Somebody waited at the last look. */
  get hasQueue(): boolean {
    return (this.#waiting ?? 0) > 0;
  }

  /**
   * Whether the queue has just become full: the kernel turns away whoever comes then. Told once an episode, which is over
   * when half of it is free.
   */
  becameFull({ waiting, limit }: ListenerLoad): boolean {
    const wasFull = this.#isFull;
    if (limit === null) return false;
    this.#isFull = waiting >= limit || (wasFull && waiting > limit / 2);
    return this.#isFull && !wasFull;
  }

  /** Connections that were last seen accepted, and that wait; null: nothing is seen. */
  get counts(): { readonly accepted: number; readonly waiting: number } | null {
    return this.#waiting === null ? null : { accepted: this.accepted?.size ?? 0, waiting: this.#waiting };
  }

  /** Nobody was there at the last look, and nobody is. */
  noteNobody({ accepted }: ListenerLoad, nowMs: number): void {
    this.accepted = accepted;
    this.connectionsAtMs = nowMs;
  }

  /**
   * @param load null: nothing was seen; one without connections leaves those that were seen before
   * @param ready workers that are ready; concurrency: connections that one of them serves at a time
   */
  note(load: ListenerLoad | null, ready: number, concurrency: number, nowMs: number): void {
    if (load !== null && this.#hasMoved(load)) this.movedAtMs = nowMs;
    this.#waiting = load?.waiting ?? null;
    this.isStale = load !== null && load.accepted === null;
    if (load === null) this.accepted = null;
    if (load === null) return;
    this.maxWaiting = Math.max(this.maxWaiting ?? 0, load.waiting);
    if (load.accepted === null) return;
    this.accepted = load.accepted;
    this.sightings.note(load.accepted, nowMs);
    this.connectionsAtMs = nowMs;
    this.maxActive = Math.max(this.maxActive ?? 0, activeWorkers(load.accepted, ready, concurrency));
  }

  /** A queue that only grows says that nobody accepts, and connections that stay say nothing. */
  #hasMoved({ waiting, accepted }: ListenerLoad): boolean {
    if (this.#waiting !== null && waiting < this.#waiting) return true;
    if (accepted === null) return false;
    const before = this.accepted ?? NONE;
    return accepted.size !== before.size || [...accepted].some(inode => !before.has(inode));
  }
}

const NONE: ReadonlySet<number> = new Set();

/** How many workers the accepted connections keep busy. */
export function activeWorkers(accepted: ReadonlySet<number>, ready: number, concurrency: number): number {
  return Math.min(ready, Math.ceil(accepted.size / concurrency));
}
