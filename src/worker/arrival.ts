/** Whether a worker that starts is ready (DESIGN section 6). */
import type { PoolConfig } from '../config/types.ts';
import { connectionsOf } from '../observe/families.ts';
import { listenerDescriptor } from './command.ts';
import { lookAtWorker } from './readiness.ts';
import type { Worker } from './worker.ts';

/** One whose accepting cannot be seen counts as ready when it has lived for so long. */
const UNSEEN_READY_MS = 1000;

/** @param accepted connections of the serving listener; null: not seen */
export function hasArrived(
  worker: Worker,
  pool: PoolConfig,
  accepted: ReadonlySet<number> | null,
  nowMs: number,
): boolean {
  return isAccepting(worker, pool, nowMs) || isServing(worker, accepted);
}

function isAccepting({ pid, startedAtMs }: Worker, pool: PoolConfig, nowMs: number): boolean {
  const isOld = nowMs - startedAtMs >= UNSEEN_READY_MS;
  if (pool.listen.address.type === 'none') return isOld;
  const sight = lookAtWorker(pid, listenerDescriptor(pool));
  return sight === 'accepting' || (sight === 'unseen' && isOld);
}

/** On a busy pool it has a connection before it is seen in accept. */
function isServing({ pid, listenerInode }: Worker, accepted: ReadonlySet<number> | null): boolean {
  if (listenerInode === null || accepted === null || accepted.size === 0) return false;
  return (connectionsOf(pid, accepted)?.length ?? 0) > 0;
}
