/** Who the workers of a pool run as, and who owns its socket. */
import type { PoolConfig } from '../config/types.ts';
import { lookupGroup, lookupUser, supplementaryGroups, type User } from '../os/users.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, as initgroups(3) sets them. */
  readonly groups: readonly number[];
  /** The login name; the uid as text where the user has none. */
  readonly name: string;
  readonly home: string;
  /** It is not who we are, so credentials must be changed. */
  readonly isOther: boolean;
}

/** @throws {Error} when the user or the group does not exist (any more) */
export function poolIdentity(pool: PoolConfig): Identity {
  const self = process.getuid?.() ?? 0;
  // Only root can become somebody else; anybody else's workers run as themselves, as php-fpm's do.
  const user = self === 0 && pool.user !== undefined ? pool.user : String(self);
  const found = lookupUser(user);
  if (found === null) throw new Error(`pool ${pool.name}: there is no user ${user}`);
  const gid =
    self === 0 && pool.group !== undefined ? groupId(pool, pool.group) : primaryGroup(pool, found, self);
  return {
    uid: found.uid,
    gid,
    groups: supplementaryGroups(found, gid),
    name: found.name ?? String(found.uid),
    home: found.home ?? '/',
    isOther: self === 0 && (found.uid !== 0 || gid !== (process.getgid?.() ?? 0)),
  };
}

/** A uid that no database knows has no group either: as root, ours must not become the worker's. */
function primaryGroup(pool: PoolConfig, user: User, self: number): number {
  if (user.gid !== null) return user.gid;
  if (self !== 0) return process.getgid?.() ?? 0;
  throw new Error(`pool ${pool.name}: uid ${user.uid} has no group; set group`);
}

/** The owner of a pool's socket file. @throws {Error} when the user or the group does not exist */
export function socketOwner(pool: PoolConfig): { readonly uid: number; readonly gid: number } {
  const identity = poolIdentity(pool);
  const { owner, group } = pool.listen;
  const user = owner === undefined ? null : lookupUser(owner);
  if (owner !== undefined && user === null)
    throw new Error(`pool ${pool.name}: there is no user ${owner} (listen.owner)`);
  return { uid: user?.uid ?? identity.uid, gid: group === undefined ? identity.gid : groupId(pool, group) };
}

function groupId(pool: PoolConfig, name: string): number {
  const found = lookupGroup(name);
  if (found === null) throw new Error(`pool ${pool.name}: there is no group ${name}`);
  return found.gid;
}
