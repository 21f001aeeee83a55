/** Who goes on with a pool's listener after a stop, because no signal of ours reaches it. */
import type { LeftBehind } from '../commands/stop.ts';
import { holdersOf } from '../observe/strangers.ts';
import type { PoolState } from '../pool/pool-state.ts';

/** Looked for before the stop, as long as it is known which sockets are the pools'. */
export function strangersOf(pools: readonly PoolState[]): LeftBehind[] {
  const names = new Map<number, string>();
  for (const { listener, config } of pools) {
    // A socket of the service manager's is held by whatever opened it, and should be.
    if (listener !== null && config.listen.address.type !== 'systemd') names.set(listener.inode, config.name);
  }
  const groups = new Set(pools.flatMap(pool => [...pool.workers.keys()]));
  return holdersOf(new Set(names.keys()), groups).map(({ pid, inode, command }) => ({
    pool: names.get(inode) ?? '',
    pid,
    command,
  }));
}
