/**
 * Freeze, look, then kill (DESIGN D3), for a worker whose program does not finish its request on a signal: stopped, it
 * cannot accept; when it has nothing in hand it is killed before it could go on. The keeper thaws it when we do not
 * come back in time.
 */
import type { Keeper } from '../keeper/client.ts';
import { connectionsOf } from '../observe/families.ts';
import { lookAtSockets } from '../observe/sockets.ts';
import { hasDescriptors } from '../os/file-limit.ts';
import { descendants, read, threadState, threads } from '../os/proc.ts';

/** `busy`: it has a connection in hand; `spared`: it is being debugged, or did not stop in time, or cannot be seen. */
export type FreezeOutcome = 'killed' | 'busy' | 'spared' | 'gone';

/** A thread that does not stop within this time sleeps in the kernel, and not in accept. */
const STOP_DEADLINE_MS = 100;

/** What is frozen at this moment, by the leaders of their groups. */
const frozen = new Set<number>();

/**
 * @param listenerInode of the socket that it accepts on
 * @param onFree is called before it is killed
 */
export async function freezeLookKill(
  keeper: Keeper,
  pid: number,
  listenerInode: number,
  onFree: () => void,
): Promise<FreezeOutcome> {
  if (isHeldByOthers(pid)) return 'spared';
  if (!(await keeper.ask('freeze', { pid }))) return 'gone';
  frozen.add(pid);
  const isStopped = await untilStopped(pid);
  // Without descriptors nobody is seen, and whoever is not seen looks stopped and free.
  const held = isStopped && hasDescriptors() ? connectionsInHand(pid, listenerInode) : null;
  const isFree = held === 0;
  if (isFree) onFree();
  const isDone = await keeper.ask('release', { pid, kill: isFree });
  frozen.delete(pid);
  if (isFree) return isDone ? 'killed' : 'spared';
  return held === null ? 'spared' : 'busy';
}

/** The keeper is gone, and nobody else would let them go on. */
export function thawAll(): void {
  for (const pid of frozen) {
    try {
      process.kill(-pid, 'SIGCONT');
    } catch {
      // it has ended
    }
  }
}

/** How many accepted connections of that listener a worker and its children have; null: it cannot be told. */
export function connectionsInHand(pid: number, listenerInode: number): number | null {
  const accepted = lookAtSockets([{ inode: listenerInode, withConnections: true }]).get(
    listenerInode,
  )?.accepted;
  if (accepted === undefined || accepted === null) return null;
  // When nobody has any, we need not see whose they are.
  if (accepted.size === 0) return 0;
  return connectionsOf(pid, accepted)?.length ?? null;
}

/** Somebody else stopped or traces it (proc(5): states T and t, TracerPid). */
export function isHeldByOthers(pid: number): boolean {
  return descendants(pid).some(member => {
    const status = read(`/proc/${member}/status`) ?? '';
    return /^State:\s+[Tt]/m.test(status) || /^TracerPid:\s+[1-9]/m.test(status);
  });
}

async function untilStopped(pid: number): Promise<boolean> {
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
