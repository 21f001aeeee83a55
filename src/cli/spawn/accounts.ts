/** Whose the workers and the socket are: find_user_group of spawn-fcgi, in our keys. */
import { lookupGroup, lookupUser } from '../../os/users.ts';
import type { SpawnRequest } from './command-line.ts';
import { SpawnRefused } from './refused.ts';

export interface Accounts {
  /** Undefined: as we are. */
  readonly user?: string;
  readonly group?: string;
  readonly socketOwner?: string;
  readonly socketGroup?: string;
}

interface Found {
  readonly uid: number | null;
  readonly gid: number | null;
}

/** Only root names somebody. @throws {SpawnRefused} */
export function findAccounts(request: SpawnRequest): Accounts {
  const { user, group, socketUser, socketGroup } = request;
  const workers = find(user, group);
  const socket = find(socketUser, socketGroup);
  if (workers.uid !== null && workers.gid === null)
    throw new SpawnRefused(
      `couldn't find the user for uid ${workers.uid} and no group was specified: add -g, or the workers would keep root's group`,
    );
  // With a group alone, the user stays root.
  const who = user ?? (group === null ? null : 'root');
  return {
    ...(who !== null && { user: who }),
    ...(group !== null && { group }),
    ...(socketUser !== null && { socketOwner: socketUser }),
    ...(socket.gid !== null && { socketGroup: String(socket.gid) }),
  };
}

function find(user: string | null, group: string | null): Found {
  const passwd = user === null ? null : findUser(user);
  const gid = group === null ? (passwd?.gid ?? null) : findGroup(group);
  if (gid === 0) throw new SpawnRefused('I will not set gid to 0');
  return { uid: passwd?.uid ?? null, gid };
}

function findUser(name: string): { uid: number; gid: number | null } {
  const found = lookupUser(name);
  if (found === null || isZero(name)) throw new SpawnRefused(`can't find user name ${name}`);
  if (found.uid === 0) throw new SpawnRefused('I will not set uid to 0');
  return found;
}

function findGroup(name: string): number {
  const found = lookupGroup(name);
  if (found === null || isZero(name)) throw new SpawnRefused(`can't find group name ${name}`);
  return found.gid;
}

/** A name to spawn-fcgi, and nobody's. */
function isZero(name: string): boolean {
  return /^0+$/.test(name);
}
