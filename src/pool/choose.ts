/** Which of the workers that are too many can leave: idle ones first, and none that another process has stopped. */
import type { Kernel } from '../worker/kernel.ts';
import type { Worker } from '../worker/worker.ts';
import type { Action } from './action.ts';
import type { KeeperNews } from './observation.ts';

type Chosen = Omit<Extract<KeeperNews, { type: 'chosen' }>, 'type' | 'reason'>;

/**
 * Looks at one after the other, until so many are found: a look costs some 100 µs.
 * @returns null: nothing is to be done about any of them
 */
export function choose(
  { candidates, count, accepted }: Extract<Action, { type: 'choose' }>,
  kernel: Kernel,
): Chosen | null {
  const told: number[] = [];
  const toFreeze: number[] = [];
  const spared: number[] = [];
  const busy: number[] = [];
  let left = count;
  for (const { worker, rule, isFrozen } of candidates) {
    if (left === 0) break;
    const { pid } = worker;
    if (isFrozen) left--;
    else if (kernel.isHeldByOthers(pid)) spared.push(pid);
    else if (!isIdle(worker, accepted, kernel)) {
      if (rule !== 'freeze') busy.push(pid);
    } else {
      (rule === 'freeze' ? toFreeze : told).push(pid);
      left--;
    }
  }
  // A program that finishes its request when it is told may be told while it is busy.
  told.push(...busy.slice(0, left));
  return told.length + toFreeze.length + spared.length === 0 ? null : { told, toFreeze, spared };
}

function isIdle(
  { pid, listenerInode }: Worker,
  accepted: ReadonlySet<number> | null,
  kernel: Kernel,
): boolean {
  if (listenerInode === null || accepted?.size === 0) return true;
  if (accepted === null) return false;
  return kernel.connectionsOf(pid, accepted)?.length === 0;
}
