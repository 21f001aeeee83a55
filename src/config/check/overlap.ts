/** Pools that want the same address, and files of fpm-ts itself that are wanted for something else. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { collide } from '../../os/address.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { endpointOf } from './tcp-address.ts';

/** The later of two pools, by name, is told. */
export function checkOverlaps(config: GlobalConfig, findings: Findings): void {
  checkOwnPaths(config, findings);
  const pools = config.pools.filter(pool => pool.enabled);
  for (const [index, pool] of pools.entries()) {
    const report = findings.about(pool.name);
    const other = pools.slice(0, index).find(earlier => wantTheSame(earlier, pool));
    if (other !== undefined) {
      const where = findings.placeText(other.name, 'listen.address');
      const message = `${pool.listen.text} is also pool ${other.name}'s (${other.listen.text}, ${where})`;
      report.error('listen.address', message, 'give each pool its own address');
    }
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
  const check = (pool: string | null, key: string, path: string, others: readonly OwnPath[]): void => {
    const other = others.find(it => realPath(it.path) === realPath(path));
    if (other === undefined) return;
    findings.about(pool).error(key, `${path} is ${other.what} of fpm-ts itself`, 'choose another path');
  };
  for (const [at, { key, path }] of taken.entries()) check(null, key, path, taken.slice(0, at));
  for (const { name, enabled, listen, logFile } of config.pools) {
    if (!enabled) continue;
    if (listen.address.type === 'unix') check(name, 'listen.address', listen.address.path, taken);
    if (logFile !== undefined) check(name, 'log.file', logFile, [socket, pidFile]);
  }
}

function wantTheSame(
  { listen: { address: a } }: PoolConfig,
  { listen: { address: b } }: PoolConfig,
): boolean {
  if (a.type === 'tcp' && b.type === 'tcp') return collide(endpointOf(a), endpointOf(b));
  if (a.type === 'unix' && b.type === 'unix') return realPath(a.path) === realPath(b.path);
  return a.type === 'systemd' && b.type === 'systemd' && a.name === b.name;
}

/** /var/run/x.sock and /run/x.sock are one; of a directory that is not there yet, the text has to do. */
function realPath(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
