/** Whether a worker that starts is ready. */
import type { PoolConfig } from '../config/types.ts';
import { listenerDescriptor } from './command.ts';
import type { Kernel } from './kernel.ts';
import type { Worker } from './worker.ts';

/** One whose accepting cannot be seen counts as ready when it has lived for so long. */
const UNSEEN_READY_MS = 1000;

/** @param accepted connections of the serving listener; null: not seen */
export function hasArrived(
  kernel: Kernel,
  worker: Worker,
  pool: PoolConfig,
  accepted: ReadonlySet<number> | null,
  nowMs: number,
): boolean {
  return isAccepting(kernel, worker, pool, nowMs) || isServing(kernel, worker, accepted);
}

function isAccepting(kernel: Kernel, { pid, startedAtMs }: Worker, pool: PoolConfig, nowMs: number): boolean {
  const isOld = nowMs - startedAtMs >= UNSEEN_READY_MS;
  if (pool.listen.address.type === 'none') return isOld;
  const sight = kernel.lookAtWorker(pid, listenerDescriptor(pool));
  return sight === 'accepting' || (sight === 'unseen' && isOld);
}

/** On a busy pool it has a connection before it is seen in accept. */
function isServing(
  kernel: Kernel,
  { pid, listenerInode }: Worker,
  accepted: ReadonlySet<number> | null,
): boolean {
  if (listenerInode === null || accepted === null || accepted.size === 0) return false;
  return (kernel.connectionsOf(pid, accepted)?.length ?? 0) > 0;
}
