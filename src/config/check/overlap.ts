/** Pools that want the same address, and files of fpm-ts itself that are wanted for something else. */
import { constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { collide } from '../../os/address.ts';
import { NOBODY, type Way, wayTo } from '../../os/exchange.ts';
import { withRightsOf } from '../../os/file-rights.ts';
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
  /** To the directory of a socket, where a link of others than root leads there; else null. */
  readonly led: Way | null;
}

/**
 * How a pool gets to its place. 0: the files say it. By a link of others than root, 1: to a directory of its own user;
 * 2: to one below where the hands of others begin on its way, such as a home; 3: to another one.
 */
type Distance = 0 | 1 | 2 | 3;

export function checkOverlaps(config: GlobalConfig, findings: Findings): void {
  const ways = new Ways();
  const claims = config.pools.flatMap(pool => (pool.enabled ? (claimOf(pool, ways) ?? []) : []));
  checkOwnPaths(config, claims, ways, findings);
  const byPlace = new Map<string, Claim[]>();
  for (const claim of claims) byPlace.set(claim.place, [...(byPlace.get(claim.place) ?? []), claim]);
  for (const group of byPlace.values()) if (group.length > 1) checkGroup(group, findings);
}

/** Many pools have their sockets in one directory, and each reload looks at the addresses of all: one look serves them. */
class Ways {
  readonly #known = new Map<string, Way>();

  /** To the directory of a file. */
  toDirectoryOf(path: string): Way {
    const directory = dirname(path);
    const way = this.#known.get(directory) ?? wayTo(directory);
    this.#known.set(directory, way);
    return way;
  }
}

/**
 * The later pool by name is told, and what the files say concerns everybody. A pool that a link leads to another one's
 * address fails alone, whatever the names: nobody's link fails a pool whose path is not led.
 */
function checkGroup(group: readonly Claim[], findings: Findings): void {
  const ranked = group
    .flatMap(claim => {
      const distance = distanceOf(claim);
      return distance === null ? [] : [{ claim, distance }];
    })
    .sort((a, b) => a.distance - b.distance);
  for (const [at, { claim, distance }] of ranked.entries()) {
    const other = ranked.slice(0, at).find(it => wantTheSame(it.claim.pool, claim.pool));
    if (other !== undefined) report(claim, distance, other.claim.pool, findings);
  }
}

function report({ pool, led }: Claim, distance: Distance, other: PoolConfig, findings: Findings): void {
  const { name, listen } = pool;
  const isInFiles = distance === 0 || listen.address.text === other.listen.address.text;
  const where = findings.placeText(other.name, 'listen.address');
  const message = `${listen.address.text} is also pool ${other.name}'s (${other.listen.address.text}, ${where})`;
  const forPoolUser = `${listen.address.text} belongs to another pool, which \`fpm-ts check\` names to the administrator`;
  const to = isInFiles ? findings.aboutAll(name) : findings.about(name);
  const remedy = unlessLed(led?.link ?? null, 'give each pool its own address');
  to.error('listen.address', message, remedy, { forPoolUser });
}

/** null: it wants none. */
function claimOf(pool: PoolConfig, ways: Ways): Claim | null {
  const { address } = pool.listen;
  switch (address.type) {
    case 'tcp':
      return { pool, place: `tcp:${address.port}`, led: null };
    case 'unix':
      return { pool, ...unixPlace(address.path, ways) };
    case 'systemd':
      return { pool, place: `systemd:${address.name}`, led: null };
    case 'none':
      return null;
  }
}

/** /var/run/x.sock and /run/x.sock are one. */
function unixPlace(path: string, ways: Ways): Pick<Claim, 'place' | 'led'> {
  const way = ways.toDirectoryOf(path);
  const isLed = way.link !== null && process.geteuid?.() === 0;
  return { place: `unix:${join(way.real, basename(path))}`, led: isLed ? way : null };
}

/** null: it may not put its socket there, so it takes nothing from anybody, and its user learns nothing. */
function distanceOf({ pool, led }: Claim): Distance | null {
  if (led === null || pool.listen.address.type !== 'unix') return 0;
  const { real, base } = led;
  const user = fileUserOf(pool);
  const rights = rightsForSocket(pool.listen.address.path, user) ?? NOBODY;
  return withRightsOf(rights, () => {
    if (!mayReach(real, constants.W_OK | constants.X_OK)) return null;
    if (ownerOf(real) === user.uid) return 1;
    return base !== null && (real === base || real.startsWith(`${base}/`)) ? 2 : 3;
  });
}

function ownerOf(path: string): number | null {
  try {
    return statSync(path).uid;
  } catch {
    return null; // it has just been exchanged
  }
}

interface OwnPath {
  readonly key: string;
  readonly path: string;
  readonly what: string;
}

/** A log may go where other logs go; every other file is for one thing. */
function checkOwnPaths(config: GlobalConfig, claims: readonly Claim[], ways: Ways, findings: Findings): void {
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
  for (const claim of claims) {
    const { pool, place } = claim;
    const { address } = pool.listen;
    const wanted = place.slice('unix:'.length);
    const isTaken = address.type === 'unix' && taken.some(it => real.get(it.path) === wanted);
    if (isTaken && distanceOf(claim) !== null)
      check(pool.name, 'listen.address', address.path, taken, wanted);
  }
  for (const { name, enabled, log } of config.pools) {
    const { file: logFile } = log;
    if (!enabled || logFile === undefined) continue;
    // A log that others' links lead elsewhere is never opened there.
    const { link, real } = ways.toDirectoryOf(logFile);
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
