/** Pools that want the same address, and files of fpm-ts itself that are wanted for something else. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { collide } from '../../os/address.ts';
import { exchangersOf } from '../../os/exchange.ts';
import { lookupUser } from '../../os/users.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Findings, Report } from './findings.ts';
import { endpointOf } from './tcp-address.ts';

/** The later of two pools, by name, is told. */
export function checkOverlaps(config: GlobalConfig, findings: Findings): void {
  checkOwnPaths(config, findings);
  const earlier = new Map<string, PoolConfig[]>();
  for (const pool of config.pools) {
    const key = pool.enabled ? placeOf(pool) : null;
    if (key === null) continue;
    const beside = earlier.get(key) ?? [];
    const other = beside.find(it => wantTheSame(it, pool));
    if (other !== undefined) report(pool, other, findings);
    earlier.set(key, [...beside, pool]);
  }
}

function report(pool: PoolConfig, other: PoolConfig, findings: Findings): void {
  const tell = (at: PoolConfig, beside: PoolConfig, to: Report): void => {
    const where = findings.placeText(beside.name, 'listen.address');
    const message = `${at.listen.address.text} is also pool ${beside.name}'s (${beside.listen.address.text}, ${where})`;
    to.error('listen.address', message, 'give each pool its own address');
  };
  const [a, b] = [exposureOf(other), exposureOf(pool)];
  if (a > b) tell(other, pool, findings.about(other.name));
  else if (b > 0) tell(pool, other, findings.about(pool.name));
  else tell(pool, other, findings.aboutAll(pool.name));
}

/**
 * How far its path is others' to lead elsewhere, such as to another pool's: not at all, its own user's, or more than
 * his. One that was led astray goes through directories of both.
 */
function exposureOf({ user, listen: { address } }: PoolConfig): 0 | 1 | 2 {
  if (process.geteuid?.() !== 0 || address.type !== 'unix') return 0;
  const exchangers = exchangersOf(address.path);
  if (exchangers === 'nobody') return 0;
  const isOwn = exchangers !== 'several' && user !== undefined && lookupUser(user)?.uid === exchangers.uid;
  return isOwn ? 1 : 2;
}

/** Pools of different places cannot want the same; null: it wants none. */
function placeOf({ listen: { address } }: PoolConfig): string | null {
  switch (address.type) {
    case 'tcp':
      return `tcp:${address.port}`;
    case 'unix':
      return `unix:${realPath(address.path)}`;
    case 'systemd':
      return `systemd:${address.name}`;
    case 'none':
      return null;
  }
}

interface OwnPath {
  readonly key: string;
  readonly path: string;
  readonly what: string;
}

/** A log may go where other logs go; every other file is for one thing. */
function checkOwnPaths(config: GlobalConfig, findings: Findings): void {
  const socket = { key: 'control.socket', path: config.control.socket, what: 'the control socket' };
  const pidFile = { key: 'pid_file', path: config.pidFile, what: 'the pid file' };
  const log = { key: 'log.file', path: config.log.file, what: 'the log' };
  const taken = config.log.file === 'stderr' ? [socket, pidFile] : [socket, pidFile, log];
  const real = new Map([socket, pidFile, log].map(({ path }) => [path, realPath(path)]));
  const check = (pool: string | null, key: string, path: string, others: readonly OwnPath[]): void => {
    const wanted = realPath(path);
    const other = others.find(it => real.get(it.path) === wanted);
    if (other === undefined) return;
    findings.about(pool).error(key, `${path} is ${other.what} of fpm-ts itself`, 'choose another path');
  };
  for (const [at, { key, path }] of taken.entries()) check(null, key, path, taken.slice(0, at));
  for (const {
    name,
    enabled,
    listen,
    log: { file },
  } of config.pools) {
    if (!enabled) continue;
    if (listen.address.type === 'unix') check(name, 'listen.address', listen.address.path, taken);
    if (file !== undefined) check(name, 'log.file', file, [socket, pidFile]);
  }
}

/** @param a of the same place as the other: only on TCP that is not all */
function wantTheSame(
  { listen: { address: a } }: PoolConfig,
  { listen: { address: b } }: PoolConfig,
): boolean {
  if (a.type === 'tcp' && b.type === 'tcp') return collide(endpointOf(a), endpointOf(b));
  return a.type === b.type;
}

/** /var/run/x.sock and /run/x.sock are one; of a directory that is not there yet, the text has to do. */
function realPath(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
