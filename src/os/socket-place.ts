/**
 * Where a socket has its file. What is done by path in a directory that somebody else can exchange for a link is done
 * with that user's rights: it reaches nothing that this user could not have reached alone.
 */
import { dirname } from 'node:path';
import { foreignLink, NOBODY, rightsFor } from './exchange.ts';
import { type FileUser, withRightsOf } from './file-rights.ts';
import { unlessLed } from './link-remedy.ts';

const DENIED: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM']);

/** With whose rights the directory of a socket is used. @param user whose pool it is. @returns null: our own */
export function rightsForSocket(path: string, user: FileUser | null): FileUser | null {
  if (user === null) return null;
  // Of a pool that runs as root, its own rights would be no limit where several users could exchange the directory.
  return rightsFor(dirname(path), user.uid === 0 ? NOBODY : user);
}

/**
 * Does something with names in the directory of a socket. It must be synchronous, and follow no link as the last
 * component of a path.
 * @param user whose pool it is; null: the socket is our own
 * @throws what `work` throws; where another user's rights did not suffice, it says so
 */
export function touchSocket<T>(path: string, user: FileUser | null, work: () => T): T {
  const rights = rightsForSocket(path, user);
  if (rights === null) return work();
  try {
    return withRightsOf(rights, work);
  } catch (error) {
    throw DENIED.has((error as NodeJS.ErrnoException).code) ? denied(error as Error, path, rights) : error;
  }
}

function denied(error: Error, path: string, { uid }: FileUser): Error {
  const { code, errno } = error as NodeJS.ErrnoException;
  const remedy = unlessLed(
    foreignLink(dirname(path)),
    `give uid ${uid} write permission there, or make root the only one who may write to the directories above it`,
  );
  const why = `${error.message}; the directory ${dirname(path)} can be replaced by another user than root, so fpm-ts uses it with the rights of uid ${uid}: ${remedy}`;
  return Object.assign(new Error(why, { cause: error }), { code, errno });
}
