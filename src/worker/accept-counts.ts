/**
 * Whether workers have served anybody since the last look, for requests that are too short to be seen in the socket
 * tables: a thread that sleeps in accept wakes up for a connection, and the kernel counts how often it went to sleep
 * (voluntary_ctxt_switches of proc(5)). Of programs that wait in epoll nothing is concluded: their timers wake them, too.
 */
import type { LookBudget } from '../os/look-budget.ts';
import { descendants, read, threads } from '../os/proc.ts';
import { acceptsOn } from './readiness.ts';

/** A look costs some 50 µs a worker. */
const LOOKS_A_TIMEOUT = 10;

export class AcceptCounts {
  /** By thread, how often it has slept. */
  #sleeps: ReadonlyMap<number, number> = new Map();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param descriptor of their listener
   * @param idleTimeoutMs after which they leave: some looks in that time do
   * @returns false between two looks, and for a worker that is looked at for the first time; true when there is too much
   * to be looked at: it is not known to have been idle
   */
  haveServed(
    pids: readonly number[],
    descriptor: number,
    nowMs: number,
    idleTimeoutMs: number,
    budget: LookBudget,
  ): boolean {
    if (nowMs - this.#lookedAtMs < idleTimeoutMs / LOOKS_A_TIMEOUT) return false;
    this.#lookedAtMs = nowMs;
    const before = this.#sleeps;
    const now = new Map<number, number>();
    let haveServed = false;
    for (const pid of pids.flatMap(it => descendants(it, budget) ?? [])) {
      for (const thread of threads(pid, budget) ?? []) {
        if (!budget.take()) break;
        const known = before.get(thread);
        const count = sleepsInAccept(pid, thread, descriptor);
        // Whoever slept there and does not, or slept again, was woken up.
        haveServed ||= known !== undefined && count !== known;
        const last = count ?? known;
        if (last !== undefined) now.set(thread, last);
      }
    }
    this.#sleeps = now;
    return haveServed || budget.isSpent;
  }
}

/** How often a thread has slept; null: it does not sleep in accept now. */
function sleepsInAccept(pid: number, thread: number, descriptor: number): number | null {
  if (!acceptsOn(pid, descriptor, thread)) return null;
  const status = read(`/proc/${pid}/task/${thread}/status`) ?? '';
  const count = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1];
  return count === undefined ? null : Number(count);
}
