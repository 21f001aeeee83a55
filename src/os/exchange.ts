/**
 * Who could put something else in the place of a path: whoever may write one of the directories on the way, followed
 * through symbolic links. For root, such a path is touched with that user's rights (file-rights.ts), or not at all.
 * What is found holds for what others do after it, too: only root can make a way insecure that is secure.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { readAcl } from './acl.ts';
import { type FileUser, withRightsOf } from './file-rights.ts';
import { lookupUser, supplementaryGroups } from './users.ts';

/** path_resolution(7): the kernel follows no more links than this. */
const LINKS_MAX = 40;
const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;

/** `nobody` but root, one user, or `several`: a group, everybody, or more than one user. */
export type Exchangers = 'nobody' | 'several' | { readonly uid: number };

/** @param path absolute; what does not exist on the way ends it */
export function exchangersOf(path: string): Exchangers {
  const uids = new Set<number>();
  const ahead = split(path);
  const behind: string[] = [];
  let links = 0;
  for (;;) {
    const here = join('/', ...behind);
    const directory = look(here);
    const next = ahead.shift();
    if (next === undefined || directory?.isDirectory() !== true) break;
    if (next === '..') {
      behind.pop();
      continue;
    }
    const entry = look(join(here, next));
    const writers = writersOf(here, directory, entry);
    if (writers === 'several') return 'several';
    for (const uid of writers) if (uid !== 0) uids.add(uid);
    if (entry?.isSymbolicLink() === true) {
      if (++links > LINKS_MAX) break;
      const target = linkTarget(join(here, next));
      if (target === null) return 'several'; // it has just been exchanged
      if (target.startsWith('/')) behind.length = 0;
      ahead.unshift(...split(target));
    } else behind.push(next);
  }
  if (uids.size > 1) return 'several';
  const [uid] = uids;
  return uid === undefined ? 'nobody' : { uid };
}

/**
 * Whose rights a path must be touched with, by root on behalf of a pool: those of the one user who could exchange it,
 * and of the pool's user where there are several. Data goes to the pool's user, so nobody gains by it.
 * @returns null: our own, because nobody else could exchange it, or we are not root
 */
export function rightsFor(path: string, poolUser: FileUser): FileUser | null {
  if (process.geteuid?.() !== 0) return null;
  const exchangers = exchangersOf(path);
  if (exchangers === 'nobody') return null;
  return exchangers === 'several' || exchangers.uid === poolUser.uid ? poolUser : fileUser(exchangers.uid);
}

/** Runs `work`, which must be synchronous, with the rights that `path` must be touched with. */
export function withRightsFor<T>(path: string, poolUser: FileUser, work: () => T): T {
  const rights = rightsFor(path, poolUser);
  return rights === null ? work() : withRightsOf(rights, work);
}

function fileUser(uid: number): FileUser {
  const user = lookupUser(String(uid));
  const gid = user?.gid ?? NOBODYS_GROUP;
  return { uid, gid, groups: user === null ? [] : supplementaryGroups(user, gid) };
}

/** What the kernel takes for a group that it cannot map. */
const NOBODYS_GROUP = 65_534;

/** Who may put something else in the place of an entry, beside root. */
function writersOf(path: string, { uid, gid, mode }: Stats, entry: Stats | null): number[] | 'several' {
  const isGroups = (mode & GROUP_WRITE) !== 0 && !(gid === 0 && hasNoAcl(path));
  const isOpen = isGroups || (mode & OTHERS_WRITE) !== 0;
  if (!isOpen) return [uid];
  if ((mode & STICKY) === 0) return 'several';
  return entry === null ? [uid] : [uid, entry.uid]; // only its owner and the directory's (unlink(2))
}

/** With one, the group's bits are its mask, and others than the group may write. */
function hasNoAcl(path: string): boolean {
  try {
    return readAcl(path) === null;
  } catch {
    return false;
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function split(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}

function look(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
