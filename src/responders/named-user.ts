/** Whom a program of ours becomes that is told by name. */
import { lookupUser, supplementaryGroups } from '../os/users.ts';
import { type Identity, nobody } from './give-up-root.ts';

/**
 * A user with all of its groups, as initgroups(3) would give them.
 * @param nameOrUid `nobody` is known even where there is no list of users
 * @returns null when there is no such user, or only a number without a group
 * @throws {SystemError} when the user database cannot be asked
 */
export function namedUser(nameOrUid: string): Identity | null {
  const user = lookupUser(nameOrUid);
  if (user === null || user.gid === null) return nameOrUid === 'nobody' ? nobody() : null;
  return { uid: user.uid, gid: user.gid, groups: supplementaryGroups(user, user.gid) };
}
