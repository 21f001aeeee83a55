/** Pools that want the same address, and files of fpm-ts itself that are wanted for something else. */
import { constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { collide } from '../../os/address.ts';
import { type Way, wayTo } from '../../os/exchange.ts';
import { type FileUser, withRightsOf } from '../../os/file-rights.ts';
import { unlessLed } from '../../os/link-remedy.ts';
import { mayReach } from '../../os/openat2.ts';
import { rightsForSocket } from '../../os/socket-place.ts';
import { fileUserOf } from '../secrets.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { endpointOf } from './tcp-address.ts';

/** Where a pool is to listen. */
interface Claim {
  readonly pool: PoolConfig;
  /** Pools of different places cannot want the same. */
  readonly place: string;
  readonly led: Led;
  /** The link of others than root that leads it there; null: none. */
  readonly link: string | null;
}

/**
 * How a pool gets to its place. 0: the files say it. By a link of others than root, 1: to a directory of its own user;
 * 2: to one below where the hands of others begin on its way, such as a home; 3: to another one.
 */
type Led = 0 | 1 | 2 | 3;

export function checkOverlaps(config: GlobalConfig, findings: Findings): void {
  const claims = config.pools.flatMap(pool => (pool.enabled ? (claimOf(pool) ?? []) : []));
  checkOwnPaths(config, claims, findings);
  const byPlace = new Map<string, readonly Claim[]>();
  for (const claim of claims) {
    const beside = byPlace.get(claim.place) ?? [];
    const other = beside.find(it => wantTheSame(it.pool, claim.pool));
    if (other !== undefined) report(other, claim, findings);
    // Who has the best right to it comes first: the next one is held against that pool.
    byPlace.set(claim.place, claim.led < (other?.led ?? 0) ? [claim, ...beside] : [...beside, claim]);
  }
}

/**
 * What the files say concerns everybody, and the later pool by name is told. A pool that a link leads to another one's
 * address fails alone, whatever the names: nobody's link fails a pool whose path is not led.
 */
function report(earlier: Claim, later: Claim, findings: Findings): void {
  const [at, beside] = earlier.led > later.led ? [earlier, later] : [later, earlier];
  const [{ name, listen }, other] = [at.pool, beside.pool];
  const isInFiles = at.led === 0 || listen.text === other.listen.text;
  const where = findings.placeText(other.name, 'listen.address');
  const message = `${listen.text} is also pool ${other.name}'s (${other.listen.text}, ${where})`;
  const forPoolUser = `${listen.text} belongs to another pool, which \`fpm-ts check\` names to the administrator`;
  const to = isInFiles ? findings.aboutAll(name) : findings.about(name);
  to.error('listen.address', message, unlessLed(at.link, 'give each pool its own address'), { forPoolUser });
}

/** null: it wants none. */
function claimOf(pool: PoolConfig): Claim | null {
  const { address } = pool.listen;
  switch (address.type) {
    case 'tcp':
      return { pool, place: `tcp:${address.port}`, led: 0, link: null };
    case 'unix':
      return { pool, ...unixPlace(address.path, pool) };
    case 'systemd':
      return { pool, place: `systemd:${address.name}`, led: 0, link: null };
    case 'none':
      return null;
  }
}

/** /var/run/x.sock and /run/x.sock are one. */
function unixPlace(path: string, pool: PoolConfig): Omit<Claim, 'pool'> {
  const [directory, name] = [dirname(path), basename(path)];
  const way = wayTo(directory);
  if (way.link === null || process.geteuid?.() !== 0)
    return { place: `unix:${join(way.real, name)}`, led: 0, link: null };
  const user = fileUserOf(pool);
  const rights = rightsForSocket(path, user);
  const look = () => leadsTo(directory, way, user);
  const { real, led } = rights === null ? look() : withRightsOf(rights, look);
  return { place: `unix:${join(real, name)}`, led, link: way.link };
}

/** Where it may not put its socket it takes nothing from anybody, and its user learns nothing. */
function leadsTo(directory: string, { base }: Way, { uid }: FileUser): { real: string; led: Led } {
  try {
    const real = realpathSync(directory);
    if (!mayReach(real, constants.W_OK | constants.X_OK)) return { real: directory, led: 3 };
    if (statSync(real).uid === uid) return { real, led: 1 };
    return { real, led: base !== null && (real === base || real.startsWith(`${base}/`)) ? 2 : 3 };
  } catch {
    return { real: directory, led: 3 };
  }
}

interface OwnPath {
  readonly key: string;
  readonly path: string;
  readonly what: string;
}

/** A log may go where other logs go; every other file is for one thing. */
function checkOwnPaths(config: GlobalConfig, claims: readonly Claim[], findings: Findings): void {
  const socket = { key: 'control.socket', path: config.control.socket, what: 'the control socket' };
  const pidFile = { key: 'pid_file', path: config.pidFile, what: 'the pid file' };
  const log = { key: 'log.file', path: config.log.file, what: 'the log' };
  const taken = config.log.file === 'stderr' ? [socket, pidFile] : [socket, pidFile, log];
  const real = new Map([socket, pidFile, log].map(({ path }) => [path, realPath(path)]));
  const check = (
    pool: string | null,
    key: string,
    path: string,
    others: readonly OwnPath[],
    wanted = realPath(path),
  ): void => {
    const other = others.find(it => real.get(it.path) === wanted);
    if (other === undefined) return;
    findings.about(pool).error(key, `${path} is ${other.what} of fpm-ts itself`, 'choose another path');
  };
  for (const [at, { key, path }] of taken.entries()) check(null, key, path, taken.slice(0, at));
  for (const { pool, place } of claims) {
    const { address } = pool.listen;
    if (address.type === 'unix')
      check(pool.name, 'listen.address', address.path, taken, place.slice('unix:'.length));
  }
  for (const { name, enabled, logFile } of config.pools) {
    if (!enabled || logFile === undefined) continue;
    // A log that others' links lead elsewhere is never opened there.
    const { link, real } = wayTo(dirname(logFile));
    if (link === null) check(name, 'log.file', logFile, [socket, pidFile], join(real, basename(logFile)));
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
