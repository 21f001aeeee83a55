/**
 * A supervisor that hangs is ended, and a new one continues. It reports every second, and whatever else it says counts as
 * well: one that is long at something says `service` in between. A supervisor that waits for an answer of the keeper is
 * not counted against. Silence is counted in looks of ours and not in time, because a keeper that was stopped for a while
 * has not listened either.
 */

const LOOK_EVERY_MS = 1000;
/** Long enough for a debugger's look or a stalled file system, short against a crash that nobody notices. */
const BOUND_MS = 60_000;
/** A service manager may want to know sooner, but what only waits for a disk must not be killed. */
const SHORTEST_BOUND_MS = 5000;

export interface HangWatchPorts {
  /** There is a supervisor that has something to supervise, and does not wait for us. */
  readonly isWatched: () => boolean;
  /** It has been silent for too long. Called once a supervisor. */
  readonly hangs: (silentMs: number) => void;
}

export class HangWatch {
  readonly #ports: HangWatchPorts;
  readonly #bound: number;
  #silent = 0;

  /** @param boundMs how long the service manager allows; null: it does not say */
  constructor(boundMs: number | null, ports: HangWatchPorts) {
    this.#ports = ports;
    this.#bound = Math.ceil(Math.max(SHORTEST_BOUND_MS, boundMs ?? BOUND_MS) / LOOK_EVERY_MS);
    setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** A sign of life; also the end of a supervisor, whose successor begins anew. */
  heard(): void {
    this.#silent = 0;
  }

  /** False: it hangs, and killing it has not helped. */
  get isAlive(): boolean {
    return this.#silent < 2 * this.#bound;
  }

  look(): void {
    this.#silent = this.#ports.isWatched() ? this.#silent + 1 : 0;
    if (this.#silent === this.#bound) this.#ports.hangs(this.#silent * LOOK_EVERY_MS);
  }
}
