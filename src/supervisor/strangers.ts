/** Who goes on with a pool's listener after a stop, because no signal of ours reaches it. */
import type { LeftBehind } from '../control/types.ts';
import { holdersOf } from '../observe/strangers.ts';
import type { PoolFacts } from '../pool/pool-facts.ts';

/** Looked for before the stop, as long as it is known which sockets are the pools'. */
export function strangersOf(pools: readonly PoolFacts[]): LeftBehind[] {
  const names = new Map<number, string>();
  for (const { listenerInode, name, config } of pools) {
    // A socket of the service manager's is held by whoever opened it, and should be.
    if (listenerInode !== null && config.listen.address.type !== 'systemd') names.set(listenerInode, name);
  }
  const groups = new Set(pools.flatMap(pool => [...pool.workers.keys()]));
  return holdersOf(new Set(names.keys()), groups).map(({ pid, inode, command }) => ({
    pool: names.get(inode) ?? '',
    pid,
    command,
  }));
}
