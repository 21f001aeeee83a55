/** What a process at the control socket may do, by the credentials that the kernel recorded. */
import type { PoolConfig } from '../config/types.ts';
import type { Caller } from '../control/access.ts';
import type { Peer } from '../os/peer.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';
import type { Globals } from './global-settings.ts';

export function identifyCaller(
  peer: Peer,
  { control }: Pick<Globals, 'control'>,
  pools: readonly PoolConfig[],
): Caller {
  const group = control.group === '' ? null : lookupGroup(control.group);
  const isMember = group !== null && (peer.gid === group.gid || peer.groups.includes(group.gid));
  return {
    uid: peer.uid,
    mayDoAll: peer.uid === 0 || peer.uid === process.getuid?.() || isMember,
    ownPools: pools.filter(pool => runsAs(pool, peer.uid)).map(({ name }) => name),
  };
}

function runsAs(pool: PoolConfig, uid: number): boolean {
  return pool.user !== undefined && lookupUser(pool.user)?.uid === uid;
}
