/** What a process at the control socket may do, by the credentials that the kernel recorded. */
import type { PoolConfig } from '../config/types.ts';
import type { Caller } from '../keeper/supervision/access.ts';
import type { Rank } from '../keeper/supervision/connection-places.ts';
import { isMember, isRoot } from '../keeper/supervision/peer-rights.ts';
import type { Peer } from '../os/peer.ts';
import { Recent } from '../os/recent.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';
import type { Globals } from './global-settings.ts';

export function identifyCaller(
  peer: Peer,
  globals: Pick<Globals, 'control'>,
  pools: readonly PoolConfig[],
): Caller {
  const own = pools.filter(pool => uidOf(pool) === peer.uid);
  return {
    uid: peer.uid,
    mayDoAll: isRoot(peer) || isMember(peer, controlGid(globals)),
    ownPools: own.map(({ name }) => name),
    ownFiles: own.map(({ file }) => file),
  };
}

/** Asked for each connection, also while somebody connects in a loop: pools are gone through once a second. */
export class Ranks {
  readonly #globals: () => Pick<Globals, 'control'>;
  readonly #pools: () => readonly PoolConfig[];
  readonly #owners = new Recent<ReadonlySet<number>>();

  constructor(globals: () => Pick<Globals, 'control'>, pools: () => readonly PoolConfig[]) {
    this.#globals = globals;
    this.#pools = pools;
  }

  of(peer: Peer): Rank {
    if (isRoot(peer)) return 'root';
    if (isMember(peer, controlGid(this.#globals()))) return 'member';
    const owners = this.#owners.of('', () => new Set(this.#pools().flatMap(pool => uidOf(pool) ?? [])));
    return owners?.has(peer.uid) === true ? 'owner' : 'stranger';
  }
}

function controlGid({ control }: Pick<Globals, 'control'>): number | null {
  return control.group === '' ? null : (lookupGroup(control.group)?.gid ?? null);
}

function uidOf({ user }: PoolConfig): number | undefined {
  return user === undefined ? undefined : lookupUser(user)?.uid;
}
