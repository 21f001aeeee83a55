/** Users and groups: those that the configuration names, and whether we can become them. */
import { lookupGroup, lookupUser, supplementaryGroups, type User } from '../../os/users.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Report } from './findings.ts';
import type { Actor } from './permission.ts';
import type { Self } from './self.ts';

/** Who the workers of a pool are to be. */
export interface WorkerActor extends Actor {
  /** Not who we are: credentials are changed before the command runs. */
  readonly isOther: boolean;
}

/** @returns null when the configuration names somebody who does not exist, which has been reported then */
export function checkIdentity(pool: PoolConfig, self: Self, report: Report): WorkerActor | null {
  if (self.uid !== 0) {
    ignoredWithoutRoot(pool, self, report);
    return { ...self, isOther: false };
  }
  const user = findUser('user', pool.user ?? String(self.uid), report);
  const gid = pool.group === undefined ? user?.gid : findGroup('group', pool.group, report);
  if (user === null) return null;
  if (gid === null || gid === undefined) {
    if (pool.group === undefined)
      report.error(
        'user',
        `uid ${user.uid} has no entry, so no group of its own`,
        'say which: group = "..."',
      );
    return null;
  }
  if (user.uid === 0 && !pool.allowRoot) {
    const remedy = 'choose another user, or add allow_root = true';
    report.error('user', `${pool.user} is root, and workers would run as root`, remedy);
  }
  const isOther = user.uid !== self.uid || gid !== self.gid;
  if (isOther) checkRights(self, report);
  return {
    label: user.name ?? `uid ${user.uid}`,
    uid: user.uid,
    gid,
    groups: supplementaryGroups(user, gid),
    overrides: user.uid === 0 && self.overrides,
    isOther,
  };
}

/** As php-fpm does it: only root can become somebody else, anybody else's workers run as themselves. */
function ignoredWithoutRoot(pool: PoolConfig, self: Self, report: Report): void {
  const remedy = 'start fpm-ts as root, or leave it out';
  const user = pool.user === undefined ? null : lookupUser(pool.user);
  if (pool.user !== undefined && user?.uid !== self.uid) {
    report.notice('user', `has no effect: we are not root, so workers run as uid ${self.uid}`, remedy);
    report.untested(`what ${pool.user} may do`, `not root: tested for uid ${self.uid}, as whom it would run`);
  }
  const group = pool.group === undefined ? null : lookupGroup(pool.group);
  if (pool.group !== undefined && group?.gid !== self.gid)
    report.notice('group', `has no effect: we are not root, so workers have gid ${self.gid}`, remedy);
}

function checkRights(self: Self, report: Report): void {
  for (const capability of ['setuid', 'setgid'] as const) {
    if (self.capabilities.has(capability)) continue;
    const name = `CAP_${capability.toUpperCase()}`;
    report.error('user', `we are root without ${name} and cannot become another user`, `grant ${name}`);
  }
}

/** Owner and group of a socket file, and the right to give it to them. */
export function checkSocketOwner(pool: PoolConfig, self: Self, report: Report): void {
  if (pool.listen.address.type !== 'unix') return;
  const { owner, group } = pool.listen;
  const mayGive = self.capabilities.has('chown');
  if (owner !== undefined) {
    const user = findUser('listen.owner', owner, report);
    if (user !== null && user.uid !== self.uid && !mayGive)
      report.error(
        'listen.owner',
        'only root can give a socket to somebody else',
        'leave it out, or start as root',
      );
  }
  if (group !== undefined) {
    const gid = findGroup('listen.group', group, report);
    if (gid !== null && gid !== self.gid && !self.groups.includes(gid) && !mayGive) {
      const message = `uid ${self.uid} is not a member of it, and only root can give a socket to other groups`;
      report.error('listen.group', message, 'choose a group of this user, or start as root');
    }
  }
}

export function checkControlGroup(config: GlobalConfig, report: Report): void {
  if (config.control.group !== '') findGroup('control.group', config.control.group, report);
}

function findUser(key: string, name: string, report: Report): User | null {
  const user = lookupUser(name);
  if (user === null)
    report.error(key, `there is no user ${name}`, createWith('user', name, 'useradd --system'));
  return user;
}

function findGroup(key: string, name: string, report: Report): number | null {
  const group = lookupGroup(name);
  if (group === null)
    report.error(key, `there is no group ${name}`, createWith('group', name, 'groupadd --system'));
  return group?.gid ?? null;
}

/** A name that useradd(8) takes; any other is a slip or an expansion, and to create it no advice. */
const CREATABLE = /^[a-z_][a-z0-9_-]{0,31}$/;

function createWith(kind: string, name: string, command: string): string {
  const choose = `choose a ${kind} that exists`;
  return CREATABLE.test(name) ? `${choose}, or create it: ${command} ${name}` : choose;
}
