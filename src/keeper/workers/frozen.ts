/**
 * Workers that are stopped so that the supervisor can look whether they hold a connection, and kill them if not.
 * Whatever becomes of the supervisor, none stays so for long; and only what we stopped is continued.
 */
import { LookBudget } from '../../os/look-budget.ts';
import { descendants, readStat } from '../../os/proc.ts';

export const FROZEN_AT_MOST_MS = 500;

/** Signals the whole group of a worker; false: nothing is left of it. */
type SignalGroup = (pid: number, signal: NodeJS.Signals) => boolean;

export class Frozen {
  readonly #signalGroup: SignalGroup;
  readonly #atMostMs: number;
  readonly #timers = new Map<number, NodeJS.Timeout>();

  /** @param atMostMs how long one stays frozen when nobody releases it */
  constructor(signalGroup: SignalGroup, atMostMs: number) {
    this.#signalGroup = signalGroup;
    this.#atMostMs = atMostMs;
  }

  /** Asking again does not give it more time. @returns false: it is gone, somebody else has stopped it, or may have */
  freeze(pid: number): boolean {
    if (this.#timers.has(pid)) return true;
    if (states(pid)?.some(isStopped) !== false || !this.#signalGroup(pid, 'SIGSTOP')) return false;
    this.#timers.set(
      pid,
      setTimeout(() => this.thaw(pid), this.#atMostMs),
    );
    return true;
  }

  /**
   * Kills it, or lets it go on. What runs again, because we or a stranger continued it, is never killed here: it may
   * have accepted a connection.
   * @returns false when it was not frozen any more
   */
  release(pid: number, kill: boolean): boolean {
    const seen = states(pid);
    // Else it is gone, there is no descriptor to look with, or there are too many processes.
    const isSeen = seen !== null && seen.length > 0;
    const isFrozen =
      this.#timers.has(pid) && isSeen && seen.every(state => isStopped(state) || hasEnded(state));
    if (!isFrozen || !kill) {
      this.thaw(pid);
      return isFrozen;
    }
    this.#forget(pid);
    return this.#signalGroup(pid, 'SIGKILL');
  }

  /** Does nothing to a worker that we did not freeze. */
  thaw(pid: number): void {
    if (this.#forget(pid)) this.#signalGroup(pid, 'SIGCONT');
  }

  /** Lets one go on that a keeper and a supervisor which died together left stopped. @returns whether it was */
  thawFound(pid: number): boolean {
    return states(pid)?.some(state => state === 'T') !== false && this.#signalGroup(pid, 'SIGCONT');
  }

  thawAll(): void {
    for (const pid of this.#timers.keys()) this.thaw(pid);
  }

  #forget(pid: number): boolean {
    clearTimeout(this.#timers.get(pid));
    return this.#timers.delete(pid);
  }
}

/** The keeper has others to attend to, too. */
const MOST_READ = 4096;

/** Of a worker and its children; null: they are too many. */
function states(pid: number): string[] | null {
  const family = descendants(pid, new LookBudget(MOST_READ));
  return family?.flatMap(member => readStat(member)?.state ?? []) ?? null;
}

/** By a signal or by a debugger (proc(5)). */
function isStopped(state: string): boolean {
  return state === 'T' || state === 't';
}

function hasEnded(state: string): boolean {
  return state === 'Z' || state === 'X';
}
