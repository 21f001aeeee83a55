/**
 * Whether clients still find the pools. A listener goes on when its socket file is removed or replaced, but nobody
 * reaches it any more; which file it listens on is told by the kernel.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import type { PoolConfig } from '../config/types.ts';
import { socketFile } from '../os/sock-diag.ts';
import { touchSocket } from '../os/socket-place.ts';
import { IN_LISTEN, type SocketFile } from '../os/socket-rows.ts';
import { unixSockets } from '../os/socket-tables.ts';
import { isOursToReplace } from '../pool/pool-listener.ts';
import { isWanted, type PoolState } from '../pool/pool-state.ts';
import { poolIdentity } from '../worker/identity.ts';

/** @returns by the pool's name, why nobody can connect and what helps; pools that can be reached are not in it */
export function lostSockets(pools: readonly PoolState[]): ReadonlyMap<string, string> {
  const lost = new Map<string, string>();
  const listening = pools.filter(
    state => isWanted(state) && state.config.listen.address.type === 'unix' && state.listener !== null,
  );
  if (listening.length === 0) return lost;
  const listeners = listenersByInode();
  for (const { config, listener } of listening) {
    const { name } = config;
    const { address } = config.listen;
    const ours = listeners.get(listener?.inode ?? 0);
    if (address.type !== 'unix' || ours === undefined) continue;
    const what = fateOf(address.path, ours, config);
    if (what === null) continue;
    const remedy = isOursToReplace(config)
      ? `\`fpm-ts reload ${name}\` brings it back`
      : `\`fpm-ts stop ${name}\` and \`fpm-ts start ${name}\` bring it back`;
    lost.set(name, `its socket ${address.path} ${what}, so nobody can connect: ${remedy}`);
  }
  return lost;
}

function fateOf(path: string, ours: SocketFile, config: PoolConfig): string | null {
  if (whatIsAt(path, ours) === null) return null;
  // What somebody else has put on the way is looked at with that user's rights: the answer is that user's to read.
  try {
    return touchSocket(path, poolIdentity(config), () => whatIsAt(path, ours));
  } catch {
    return 'cannot be reached';
  }
}

function whatIsAt(path: string, ours: SocketFile): string | null {
  let stat: BigIntStats | undefined;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  } catch {
    return 'cannot be reached'; // a loop of links, for one
  }
  if (stat === undefined) return 'is gone';
  const there = socketFile(stat);
  const isOurs = ours.inode === there.inode && ours.device === there.device;
  return isOurs ? null : 'has been replaced by another file';
}

function listenersByInode(): Map<number, SocketFile> {
  const found = new Map<number, SocketFile>();
  unixSockets(IN_LISTEN, false, ({ inode, fileDevice, fileInode }) => {
    if (fileInode !== 0) found.set(inode, { device: fileDevice, inode: fileInode });
  });
  return found;
}
