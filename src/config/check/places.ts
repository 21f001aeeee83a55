/** Where a walk ended, in words; and what several checks ask of a directory. */
import { constants, lstatSync, type Stats } from 'node:fs';
import { type FileUser, withRightsOf } from '../../os/file-rights.ts';
import { unlessLed } from '../../os/link-remedy.ts';
import { mayReach } from '../../os/openat2.ts';
import { lookupGroup, lookupUser } from '../../os/users.ts';
import type { Report } from './findings.ts';
import { type Actor, EXECUTE, WRITE } from './permission.ts';
import type { Self } from './self.ts';
import { may, type Walk, walk } from './walk.ts';

type DeadEnd = Extract<Walk, { found: false }>;

/** Reports why `actor` does not get to `path`. */
export function reportDeadEnd(key: string, path: string, end: DeadEnd, actor: Actor, report: Report): void {
  switch (end.why) {
    case 'missing':
      report.error(
        key,
        `${path} does not exist${end.at === path ? '' : `: there is no ${end.at}`}`,
        unlessLed(end.link, `correct the path, or create ${end.at}`),
      );
      return;
    case 'no directory':
      report.error(key, `${path} cannot be: ${end.at} is not a directory`, 'correct the path');
      return;
    case 'loop':
      report.error(
        key,
        `${path} is a symbolic link that leads back to itself at ${end.at}`,
        'correct the link',
      );
      return;
    case 'too far':
      report.error(key, `${path} leads through too many directories`, 'correct the links');
      return;
    case 'closed':
      report.error(
        key,
        `${actor.label} does not get to ${path}: it may not enter ${end.at} (${ownership(end.stat)})`,
        unlessLed(
          end.link,
          isHome(end.at)
            ? `install it where ${actor.label} can get, such as /usr/local or /opt`
            : `put it where ${actor.label} can get, or let it through: setfacl -m u:${actor.uid}:x ${end.at}`,
        ),
      );
      return;
    case 'unseen':
      report.untested(`${key} ${path}`, `we may not look at ${end.at}`);
  }
}

/**
 * Looks with the rights with which a path is touched later, so that its pool's user reads of nothing that he could not
 * see himself. @param rights null: our own
 */
export function lookWith<T>(
  rights: FileUser | null,
  self: Self,
  report: Report,
  look: (looker: Self, report: Report) => T,
): T {
  if (rights === null) return look(self, report);
  const { uid, gid, groups } = rights;
  const label = lookupUser(String(uid))?.name ?? `uid ${uid}`;
  const looker: Self = { ...self, label, uid, gid, groups, overrides: false, capabilities: new Set() };
  const why = `; fpm-ts uses the rights of ${label} there, because not only root could exchange it`;
  return withRightsOf(rights, () =>
    look(looker, {
      error: (key, message, remedy, more) => report.error(key, message + why, remedy, more),
      notice: (key, message, remedy, more) => report.notice(key, message + why, remedy, more),
      untested: report.untested,
    }),
  );
}

/** Nobody but root should be let into root's. */
function isHome(path: string): boolean {
  return path === '/root' || path.startsWith('/root/');
}

/** `mode 0750, of root:adm`, for messages. */
export function ownership(stat: Stats | null): string {
  if (stat === null) return 'unknown';
  const user = lookupUser(String(stat.uid))?.name ?? stat.uid;
  const group = lookupGroup(String(stat.gid))?.name ?? stat.gid;
  return `mode ${(stat.mode & 0o7777).toString(8).padStart(4, '0')}, of ${user}:${group}`;
}

/** A directory in which we ourselves make files. @returns its own stat; null when that is not possible */
export function checkWritableDirectory(key: string, path: string, self: Self, report: Report): Stats | null {
  const end = walk(path, self);
  if (!end.found) {
    if (end.why === 'missing') {
      const remedy = unlessLed(end.link, `create it: mkdir -p ${path}`);
      report.error(key, `the directory ${path} does not exist`, remedy);
    } else reportDeadEnd(key, path, end, self, report);
    return null;
  }
  if (!end.stat.isDirectory()) {
    report.error(key, `${path} is not a directory`, 'correct the path');
    return null;
  }
  const allowed = may(self, end.path, end.stat, WRITE | EXECUTE);
  if (allowed === null) report.untested(`${key} ${path}`, 'its access list cannot be read');
  else if (!allowed) {
    const message = `${self.label} may not write in the directory ${path} (${ownership(end.stat)})`;
    const remedy = `choose another directory, or: chown ${self.uid} ${path}`;
    report.error(key, message, unlessLed(end.link, remedy));
  } else if (!confirmed(end.path, constants.W_OK, self)) {
    report.error(key, `nothing can be written in the directory ${path}`, 'is it on a read-only file system?');
  } else return end.stat;
  return null;
}

/** The kernel's own word for whose rights are in effect: read-only and noexec mounts, security modules. */
export function confirmed(path: string, wanted: number, self: Self): boolean {
  return !self.isThisProcess || mayReach(path, wanted);
}

/** lstat(2); null where there is nothing, or nothing that we may see. */
export function peek(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}
