/** Where everything is, on the host and as the workers see it. */
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EXECUTE } from '../../config/check/permission.ts';
import { may, walk } from '../../config/check/walk.ts';
import { lookupGroup, lookupUser, supplementaryGroups } from '../../os/users.ts';
import type { Accounts } from './accounts.ts';
import type { SpawnRequest } from './command-line.ts';

export interface Places {
  /** On the host; null: a TCP address. */
  readonly socket: string | null;
  readonly chroot: string | null;
  /** Of the workers, inside `chroot`. */
  readonly directory: string;
  /** The program, as the workers see it; null: a shell command. */
  readonly program: string | null;
  readonly pidFile: string | null;
}

/** @param cwd where spawn was called */
export function findPlaces(request: SpawnRequest, accounts: Accounts, cwd: string): Places {
  const { address, app, directory, isSocketOutside, pidFile } = request;
  const chroot = request.chroot === null ? null : resolve(cwd, request.chroot);
  const top = chroot === null ? cwd : '/'; // whoever changes its root goes to it
  const inside = directory === null ? top : resolve(top, directory);
  const isStaying = directory === null && chroot === null;
  const socketIn = (path: string): string =>
    chroot === null || isSocketOutside ? resolve(cwd, path) : join(chroot, resolve('/', path));
  const [program = null] = app;
  return {
    socket: address.type === 'unix' ? socketIn(address.path) : null,
    chroot,
    directory: isStaying && !mayEnter(cwd, accounts) ? '/' : inside,
    program: program === null ? null : resolve(inside, program), // execv(3) looks for nothing in PATH
    pidFile: pidFile === null ? null : resolve(cwd, pidFile),
  };
}

/** A shell of root's stands in /root, where no worker gets: it would only be told so. */
function mayEnter(path: string, { user, group }: Accounts): boolean {
  const found = user === undefined ? null : lookupUser(user);
  if (user === undefined || found === null || found.uid === 0) return true;
  const gid = (group === undefined ? null : lookupGroup(group)?.gid) ?? found.gid ?? 0;
  const groups = supplementaryGroups(found, gid);
  const actor = { label: user, uid: found.uid, gid, groups, overrides: false };
  const end = walk(path, actor);
  return end.found && may(actor, end.path, end.stat, EXECUTE) === true;
}

/** The group that the kernel gives a file that is made there: the directory's where that is setgid; null: the maker's. */
export function groupOfNewFile(path: string): number | null {
  const directory = statSync(dirname(path), { throwIfNoEntry: false });
  return directory !== undefined && (directory.mode & 0o2000) !== 0 ? directory.gid : null;
}
