/** Whether a worker is stopped (signal(7), SIGSTOP): by us, to be looked at, or by somebody else. */
import { descendants, read, threadState, threads } from '../os/proc.ts';

/** A thread that does not stop within this time sleeps in the kernel, and not in accept. */
const STOP_DEADLINE_MS = 100;

/** Somebody else stopped or traces it (proc(5): states T and t, TracerPid). */
export function isHeldByOthers(pid: number): boolean {
  return descendants(pid).some(member => {
    const status = read(`/proc/${member}/status`) ?? '';
    return /^State:\s+[Tt]/m.test(status) || /^TracerPid:\s+[1-9]/m.test(status);
  });
}

/** Waits until every thread of it has stopped. @returns false: one has not in time */
export async function untilStopped(pid: number): Promise<boolean> {
  for (const end = performance.now() + STOP_DEADLINE_MS; performance.now() < end; ) {
    const family = descendants(pid);
    if (family.every(member => threads(member).every(thread => isStopped(member, thread)))) return true;
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  return false;
}

/** A thread that has ended meanwhile is stopped enough. */
function isStopped(pid: number, thread: number): boolean {
  const state = threadState(pid, thread);
  return state === null || 'TtZX'.includes(state);
}
