/** Pools that want the same address. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { collide } from '../../os/address.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { endpointOf } from './tcp-address.ts';

/** The later of two pools, by name, is told. */
export function checkOverlaps(config: GlobalConfig, findings: Findings): void {
  const pools = config.pools.filter(pool => pool.enabled);
  for (const [index, pool] of pools.entries()) {
    const report = findings.about(pool.name);
    const other = pools.slice(0, index).find(earlier => wantTheSame(earlier, pool));
    if (other !== undefined) {
      const where = findings.placeText(other.name, 'listen.address');
      const message = `${pool.listen.text} is also pool ${other.name}'s (${other.listen.text}, ${where})`;
      report.error('listen.address', message, 'give each pool its own address');
    }
    const { address } = pool.listen;
    if (address.type === 'unix' && realPath(address.path) === realPath(config.control.socket)) {
      const message = `${address.path} is the control socket of fpm-ts itself`;
      report.error('listen.address', message, 'choose another path');
    }
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
