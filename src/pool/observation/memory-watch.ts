/** The memory of a pool's workers, measured one after the other: a look costs up to a millisecond (smaps_rollup). */
import type { Kernel } from '../../worker/kernel.ts';
import { nextLookMs } from '../recycling.ts';

/** Looks in one turn. With more workers, each is measured less often. */
const MOST_IN_A_TURN = 4;

interface Look {
  readonly atMs: number;
  readonly memoryBytes: number;
  readonly nextAtMs: number;
}

export class MemoryWatch {
  readonly #kernel: Kernel;
  #looks = new Map<number, Look>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Measures those whose time it is, those that have waited longest first; forgets all others. */
  turn(pids: readonly number[], maxMemoryBytes: number, nowMs: number): void {
    const looks = this.#looks;
    this.#looks = new Map();
    const dueAt = (pid: number): number => looks.get(pid)?.nextAtMs ?? 0;
    const due = pids.filter(pid => dueAt(pid) <= nowMs).toSorted((a, b) => dueAt(a) - dueAt(b));
    const measured = new Set(due.slice(0, MOST_IN_A_TURN));
    for (const pid of pids) {
      const before = looks.get(pid) ?? null;
      const memoryBytes = measured.has(pid) ? this.#kernel.usageOf(pid)?.memoryBytes : undefined;
      if (memoryBytes === undefined) {
        if (before !== null) this.#looks.set(pid, before);
        continue;
      }
      const last = { atMs: nowMs, memoryBytes };
      this.#looks.set(pid, { ...last, nextAtMs: nextLookMs(before, last, maxMemoryBytes) });
    }
  }

  /** As last measured, by pid. */
  get measured(): ReadonlyMap<number, number> {
    return new Map([...this.#looks].map(([pid, { memoryBytes }]) => [pid, memoryBytes]));
  }
}
