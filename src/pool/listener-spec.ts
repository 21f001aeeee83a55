/** The listener of a pool, as the keeper is to open it. */
import type { ListenConfig, PoolConfig } from '../config/types.ts';
import type { ListenerSpec } from '../keeper/protocol.ts';
import { socketOwner } from '../worker/identity.ts';

/** null: the pool has none. @throws {Error} when its owner does not exist */
export function listenerSpec(pool: PoolConfig, id: string): ListenerSpec | null {
  const { address, backlog, mode, allowedClients, nonblock } = pool.listen;
  if (address.type === 'none') return null;
  return { id, address, backlog, mode, allowedClients, nonblock, ...socketOwner(pool) };
}

/** Whether both listen at the same place, so that the open socket can stay. */
export function isSameAddress(a: ListenConfig, b: ListenConfig): boolean {
  return JSON.stringify(a.address) === JSON.stringify(b.address);
}
