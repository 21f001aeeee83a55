/** Whether a worker is stopped (signal(7), SIGSTOP): by us, to be looked at, or by somebody else. */
import { LookBudget } from '../os/look-budget.ts';
import { descendants, read, threadState, threads } from '../os/proc.ts';

/** A thread that does not stop within this time sleeps in the kernel, and not in accept. */
const STOP_DEADLINE_MS = 100;

/** Somebody else stopped or traces it (proc(5): states T and t, TracerPid), or may do so. */
export function isHeldByOthers(pid: number, budget: LookBudget = new LookBudget()): boolean {
  const family = descendants(pid, budget);
  if (family === null) return true;
  return family.some(member => {
    if (!budget.take()) return true;
    const status = read(`/proc/${member}/status`) ?? '';
    return /^State:\s+[Tt]/m.test(status) || /^TracerPid:\s+[1-9]/m.test(status);
  });
}

/** Waits until every thread of it has stopped. @returns false: one has not in time, or they are too many to be seen */
export async function untilStopped(pid: number, budget: LookBudget = new LookBudget()): Promise<boolean> {
  for (const end = performance.now() + STOP_DEADLINE_MS; performance.now() < end && !budget.isSpent; ) {
    const family = descendants(pid, budget);
    const haveStopped = family?.every(member =>
      threads(member, budget)?.every(thread => budget.take() && isStopped(member, thread)),
    );
    if (haveStopped === true) return true;
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  return false;
}

/** A thread that has ended meanwhile is stopped enough. */
function isStopped(pid: number, thread: number): boolean {
  const state = threadState(pid, thread);
  return state === null || 'TtZX'.includes(state);
}
