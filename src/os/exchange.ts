/**
 * Who could put something else in the place of a path: whoever may write one of the directories on the way, followed
 * through symbolic links. For root, such a path is touched with that user's rights (file-rights.ts), or not at all.
 * What is found holds for what others do after it, too: only root can make a way insecure that is secure.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type AclEntry, readAcl } from './acl.ts';
import { type FileUser, withRightsOf } from './file-rights.ts';
import { SystemError } from './libc.ts';
import { openAsReference, RESOLVE, WORKING_DIRECTORY } from './openat2.ts';
import { lookupUser, supplementaryGroups } from './users.ts';

/** path_resolution(7): the kernel follows no more links than this. */
const LINKS_MAX = 40;
const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;

/** More directories than any honest way has; the links of a tenant could make it endless. */
const DIRECTORIES_MAX = 256;
const WRITE = 2;

/** Who may write a directory on the way, beside root. */
export interface Writers {
  readonly uids: ReadonlySet<number>;
  /** Their members. */
  readonly gids: ReadonlySet<number>;
  readonly isEverybody: boolean;
}

/** `nobody` but root, one user, or `several`: a group, everybody, or more than one user. */
export type Exchangers = 'nobody' | 'several' | { readonly uid: number };

/** @param path absolute; what does not exist on the way ends it */
export function exchangersOf(path: string): Exchangers {
  const { uids, gids, isEverybody } = wayTo(path);
  const [uid] = uids;
  if (isEverybody || gids.size > 0 || uids.size > 1) return 'several';
  return uid === undefined ? 'nobody' : { uid };
}

/** Where a path leads, and who has a hand in it. */
export interface Way extends Writers {
  /** Without links, as far as it can be followed. */
  readonly real: string;
  /** Where the hands of others than root begin, such as a home; without links. null: nowhere. */
  readonly base: string | null;
  /** The first link on it that others than root may have put there; null: there is none. */
  readonly link: string | null;
}

/**
 * As `exchangersOf`, in full. All of it comes from one look: without `link`, what others exchange meanwhile has had no
 * influence on `real`.
 */
export function wayTo(path: string): Way {
  const found = new Found();
  const ahead = split(path);
  const behind: string[] = [];
  let base: string | null = null;
  let link: string | null = null;
  let links = 0;
  const end = (): Way => {
    const { uids, gids, isEverybody } = found;
    return { uids, gids, isEverybody, base, link, real: join('/', ...behind, ...ahead) };
  };
  /** What `here` is; null: it has to be looked at. */
  let directory: Stats | null = null;
  for (let left = DIRECTORIES_MAX; ; left--) {
    const here = join('/', ...behind);
    directory ??= look(here);
    const [next] = ahead;
    if (next === undefined || directory?.isDirectory() !== true) return end();
    if (left === 0) {
      found.add(EVERYBODY);
      return end();
    }
    ahead.shift();
    if (next === '..') {
      behind.pop();
      directory = null;
      continue;
    }
    const entry = look(join(here, next));
    found.add(writersOf(here, directory, entry));
    if (!found.isEmpty) base ??= isSticky(directory) && entry !== null ? join(here, next) : here;
    if (entry?.isSymbolicLink() === true) {
      if (!found.isEmpty) link ??= join(here, next);
      const target = ++links > LINKS_MAX ? null : linkTarget(join(here, next));
      if (target === null) {
        if (links <= LINKS_MAX) found.add(EVERYBODY); // it has just been exchanged
        ahead.unshift(next);
        return end();
      }
      if (target.startsWith('/')) behind.length = 0;
      ahead.unshift(...split(target));
      directory = null;
    } else {
      behind.push(next);
      directory = entry;
    }
  }
}

/**
 * The link by which others than root lead a path somewhere. What is there is theirs to choose, and not for root to open
 * to somebody, to create or to give away.
 * @returns null: there is none, or we are not root, whose rights are worth nothing to others
 */
export function foreignLink(path: string): string | null {
  return process.geteuid?.() === 0 ? wayTo(path).link : null;
}

/** Who may write what a path names itself. Of a directory: what is in it. */
export function writersOfFile(path: string, stat: Stats): Writers {
  return new Found().add(ownersOf(path, stat));
}

const EVERYBODY: Writers = { uids: new Set(), gids: new Set(), isEverybody: true };

class Found implements Writers {
  readonly uids = new Set<number>();
  readonly gids = new Set<number>();
  isEverybody = false;

  /** Root is not counted. */
  add({ uids, gids, isEverybody }: Writers): this {
    for (const uid of uids) if (uid !== 0) this.uids.add(uid);
    for (const gid of gids) this.gids.add(gid);
    this.isEverybody ||= isEverybody;
    return this;
  }

  /** Root alone. */
  get isEmpty(): boolean {
    return this.uids.size + this.gids.size === 0 && !this.isEverybody;
  }
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

/**
 * Opens a directory for a child of ours to begin in, which root enters and its user could not.
 * @returns a descriptor that only names it (O_PATH)
 * @throws {SystemError} when there is no such directory, or no way to it with the rights that it must be touched with
 */
export function openDirectoryFor(path: string, poolUser: FileUser): number {
  const rights = rightsFor(path, poolUser);
  // The dot takes the right to search the directory itself.
  const open = (): number => openAsReference(WORKING_DIRECTORY, `${path}/.`, RESOLVE.noMagicLinks);
  try {
    return rights === null ? open() : withRightsOf(rights, open);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const who = rights === null ? '' : ` with the rights of uid ${rights.uid}`;
    throw new SystemError('enter', error.errno, `${path}${who}`);
  }
}

/**
 * With whose rights root must read a file that no pool's user is to see, but whose contents stand in messages: nobody who
 * could exchange it may learn by it what is closed to him. They are those of the one user, or of the group that all of
 * them are members of; else nobody's.
 * @returns null: our own, because nobody else could exchange it, or we are not root
 */
export function rightsOfExchangers(path: string): FileUser | null {
  if (process.geteuid?.() !== 0) return null;
  const { uids, gids, isEverybody } = wayTo(path);
  const users = [...uids].map(fileUser);
  const [gid] = gids;
  if (isEverybody || gids.size > 1) return NOBODY;
  if (gid === undefined) return users.length > 1 ? NOBODY : (users[0] ?? null);
  return users.every(({ groups }) => groups.includes(gid)) ? { ...NOBODY, groups: [gid] } : NOBODY;
}

function fileUser(uid: number): FileUser {
  const user = lookupUser(String(uid));
  const gid = user?.gid ?? NOBODYS_ID;
  return { uid, gid, groups: user === null ? [] : supplementaryGroups(user, gid) };
}

/** What the kernel takes for an id that it cannot map. */
const NOBODYS_ID = 65_534;

/** Who has no rights but those of everybody. */
export const NOBODY: FileUser = { uid: NOBODYS_ID, gid: NOBODYS_ID, groups: [] };

/** Whether others than root may put something else in the place of an entry; or something where there is none. */
export function mayOthersReplace(path: string, directory: Stats, entry: Stats | null): boolean {
  return !new Found().add(writersOf(path, directory, entry)).isEmpty;
}

/** Who may put something else in the place of an entry; or something where there is none. */
function writersOf(path: string, directory: Stats, entry: Stats | null): Writers {
  const owners = ownersOf(path, directory);
  if (!isSticky(directory) || entry === null || (owners.gids.size === 0 && !owners.isEverybody))
    return owners;
  const uids = new Set([directory.uid, entry.uid]); // only they may remove or rename it (unlink(2))
  return { uids, gids: new Set(), isEverybody: false };
}

function isSticky({ mode }: Stats): boolean {
  return (mode & STICKY) !== 0;
}

/** Who may write, by owner, mode and access list. An owner may always give himself the right. */
function ownersOf(path: string, { uid, gid, mode }: Stats): Writers {
  const isEverybody = (mode & OTHERS_WRITE) !== 0;
  // With an access list, the group's bits are its mask, and others than the group may write.
  if ((mode & GROUP_WRITE) === 0) return { uids: new Set([uid]), gids: new Set(), isEverybody };
  const writing = listOf(path)?.filter(({ permissions }) => (permissions & WRITE) !== 0);
  if (writing === undefined) return { uids: new Set([uid]), gids: groups([gid]), isEverybody };
  const ids = (tag: AclEntry['tag']): number[] => writing.filter(it => it.tag === tag).map(({ id }) => id);
  const own = writing.some(({ tag }) => tag === 'owning-group') ? [gid] : [];
  return { uids: new Set([uid, ...ids('user')]), gids: groups([...own, ...ids('group')]), isEverybody };
}

/** The group of root is root's. */
function groups(gids: readonly number[]): Set<number> {
  return new Set(gids.filter(gid => gid !== 0));
}

/** One that cannot be read counts as none: what its mask allows, the group may. */
function listOf(path: string): readonly AclEntry[] | undefined {
  try {
    return readAcl(path) ?? undefined;
  } catch {
    return undefined;
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
