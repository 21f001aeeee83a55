/**
 * Looks once a second after the files by which others find us, which anybody may remove: a socket file of a pool that
 * is gone is told, because only a reload can bring that back without losing who waits; the control socket, and the run
 * directory with it, is made anew.
 */
import type { Report } from '../observe/events.ts';
import { hasDescriptors } from '../os/file-limit.ts';
import type { PoolState } from '../pool/pool-state.ts';
import { lostSockets } from './socket-files.ts';

const LOOK_EVERY_MS = 1000;
/** A reload puts another file there, and the pool knows it a moment earlier: only who is lost at both looks is. */
const SECOND_LOOK_MS = 100;

export interface UpkeepPorts {
  readonly pools: () => readonly PoolState[];
  readonly report: Report;
  readonly isControlInPlace: () => boolean;
  /** @throws {Error} when it cannot be had */
  readonly restoreControl: () => Promise<void>;
}

export class Upkeep {
  readonly #ports: UpkeepPorts;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;
  /** Pools that were lost at the last look, and those of which that was told. */
  #suspects: ReadonlySet<string> = new Set();
  readonly #told = new Set<string>();
  /** Why the control socket could not be had at the last try; null: it is there. */
  #failure: string | null = null;

  constructor(ports: UpkeepPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#isEnded = false;
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const isSure = hasDescriptors() ? this.#lookAtSockets() : true;
    if (!this.#ports.isControlInPlace()) await this.#restoreControl();
    if (this.#isEnded) return;
    this.#timer = setTimeout(() => void this.#look(), isSure ? LOOK_EVERY_MS : SECOND_LOOK_MS);
  }

  /** @returns false: somebody was seen lost for the first time */
  #lookAtSockets(): boolean {
    const { pools, report } = this.#ports;
    const lost = lostSockets(pools());
    let isSure = true;
    for (const [pool, reason] of lost) {
      if (this.#told.has(pool)) continue;
      if (!this.#suspects.has(pool)) isSure = false;
      else {
        this.#told.add(pool);
        report({ type: 'socketLost', pool, reason });
      }
    }
    for (const pool of this.#told) {
      if (lost.has(pool)) continue;
      this.#told.delete(pool);
      report({ type: 'socketBack', pool });
    }
    this.#suspects = new Set(lost.keys());
    return isSure;
  }

  async #restoreControl(): Promise<void> {
    try {
      await this.#ports.restoreControl();
      this.#failure = null;
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== this.#failure && !this.#isEnded)
        this.#ports.report({ type: 'problem', text: `the control socket cannot be restored: ${failure}` });
      this.#failure = failure;
    }
  }
}
