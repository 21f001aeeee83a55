/** Who may do what with a file, by its mode and access list: the kernel's rule for somebody who we are not. Pure. */
import type { AclEntry } from '../../os/acl.ts';

/** The bits of a mode's last digit; on a directory 1 means to pass through it. */
export const READ = 4;
export const WRITE = 2;
export const EXECUTE = 1;

/** Somebody who opens, enters or executes. */
export interface Actor {
  /** For messages: `www-data`, `uid 4242`. */
  readonly label: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** CAP_DAC_OVERRIDE: no mode stops it, but for executing a file that nobody may execute. */
  readonly overrides: boolean;
}

/** What stat(2) says, as far as permissions need it. */
export interface FileMode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  isDirectory(): boolean;
}

/**
 * Whether `actor` has all the bits of `wanted`, as path_resolution(7) and acl(5) decide.
 * @param acl the entries of the file's access list; null when its mode is all that there is
 */
export function permits(
  actor: Actor,
  file: FileMode,
  acl: readonly AclEntry[] | null,
  wanted: number,
): boolean {
  if (actor.overrides) return file.isDirectory() || (wanted & EXECUTE) === 0 || (file.mode & 0o111) !== 0;
  if (acl === null) return (modeBits(actor, file) & wanted) === wanted;
  return grantedByList(actor, file, acl, wanted);
}

function modeBits(actor: Actor, { mode, uid, gid }: FileMode): number {
  if (actor.uid === uid) return mode >> 6;
  return isMember(actor, gid) ? mode >> 3 : mode;
}

/** acl(5), "access check algorithm": the first class that the actor belongs to decides. */
function grantedByList(actor: Actor, file: FileMode, acl: readonly AclEntry[], wanted: number): boolean {
  const has = (permissions: number): boolean => (permissions & wanted) === wanted;
  const of = (tag: AclEntry['tag']): AclEntry | undefined => acl.find(entry => entry.tag === tag);
  const mask = of('mask')?.permissions ?? READ | WRITE | EXECUTE;
  if (actor.uid === file.uid) return has(of('owner')?.permissions ?? 0);
  const named = acl.find(entry => entry.tag === 'user' && entry.id === actor.uid);
  if (named !== undefined) return has(named.permissions & mask);
  const groups = acl.filter(
    ({ tag, id }) =>
      (tag === 'owning-group' && isMember(actor, file.gid)) || (tag === 'group' && isMember(actor, id)),
  );
  if (groups.length > 0) return groups.some(entry => has(entry.permissions & mask));
  return has(of('other')?.permissions ?? 0);
}

function isMember(actor: Actor, gid: number): boolean {
  return actor.gid === gid || actor.groups.includes(gid);
}
