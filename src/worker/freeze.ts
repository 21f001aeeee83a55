/**
 * Freeze, look, then kill, for a worker whose program does not finish its request on a signal: stopped, it
 * cannot accept; when it has nothing in hand it is killed before it could go on. The keeper thaws it when we do not
 * come back in time.
 */
import type { Keeper } from '../keeper/client.ts';
import type { Kernel } from './kernel.ts';

/** `busy`: it has a connection in hand; `spared`: it is being debugged, or did not stop in time, or cannot be seen. */
export type FreezeOutcome = 'killed' | 'busy' | 'spared' | 'gone';

/** What is frozen at this moment, by the leaders of their groups. */
const frozen = new Set<number>();

/**
 * @param listenerInode of the socket that it accepts on
 * @param onFree is called before it is killed
 */
export async function freezeLookKill(
  keeper: Keeper,
  kernel: Kernel,
  pid: number,
  listenerInode: number,
  onFree: () => void,
): Promise<FreezeOutcome> {
  if (kernel.isHeldByOthers(pid)) return 'spared';
  if (!(await keeper.ask('freeze', { pid }))) return 'gone';
  frozen.add(pid);
  const isStopped = await kernel.untilStopped(pid);
  // Without descriptors nobody is seen, and whoever is not seen looks stopped and free.
  const held = isStopped && kernel.hasDescriptors() ? connectionsInHand(kernel, pid, listenerInode) : null;
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
function connectionsInHand(kernel: Kernel, pid: number, listenerInode: number): number | null {
  const looks = kernel.lookAtSockets([{ inode: listenerInode, withConnections: true }]);
  const accepted = looks.get(listenerInode)?.accepted;
  if (accepted === undefined || accepted === null) return null;
  // When nobody has any, we need not see whose they are.
  if (accepted.size === 0) return 0;
  return kernel.connectionsOf(pid, accepted)?.length ?? null;
}
