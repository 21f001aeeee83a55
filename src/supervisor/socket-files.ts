/**
 * Whether clients still find the pools. A listener goes on when its socket file is removed or replaced, but nobody
 * reaches it any more; what it listens on is told by the kernel, through the workers that hold it.
 */
import { lstatSync } from 'node:fs';
import { socketInode } from '../os/proc.ts';
import { socketFile } from '../os/sock-diag.ts';
import { IN_LISTEN, type SocketFile } from '../os/socket-rows.ts';
import { unixSockets } from '../os/socket-tables.ts';
import type { Pool } from '../pool/pool.ts';

/** @returns by the pool's name, why nobody can connect and what helps; pools that can be reached are not in it */
export function lostSockets(pools: readonly Pool[]): ReadonlyMap<string, string> {
  const lost = new Map<string, string>();
  const suspects = pools.filter(pool => pool.isWanted && pool.workers.size > 0);
  if (!suspects.some(pool => pool.config.listen.address.type === 'unix')) return lost;
  const listeners = listenersByInode();
  for (const pool of suspects) {
    const { address } = pool.config.listen;
    if (address.type !== 'unix') continue;
    const what = fateOf(address.path, pool, listeners);
    if (what === null) continue;
    lost.set(
      pool.name,
      `its socket ${address.path} ${what}, so nobody can connect: \`fpm-ts reload ${pool.name}\` brings it back`,
    );
  }
  return lost;
}

function fateOf(path: string, pool: Pool, listeners: ReadonlyMap<number, SocketFile>): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat === undefined) return 'is gone';
  const there = socketFile(stat);
  const descriptor = pool.config.listen.pass === 'systemd' ? 3 : 0;
  let isKnown = false;
  for (const pid of pool.workers.keys()) {
    const ours = listeners.get(socketInode(pid, descriptor) ?? 0);
    if (ours === undefined) continue; // it has put something else there, or we may not look
    if (ours.inode === there.inode && ours.device === there.device) return null;
    isKnown = true;
  }
  return isKnown ? 'has been replaced by another file' : null;
}

function listenersByInode(): Map<number, SocketFile> {
  const found = new Map<number, SocketFile>();
  unixSockets(IN_LISTEN, false, ({ inode, fileDevice, fileInode }) => {
    if (fileInode !== 0) found.set(inode, { device: fileDevice, inode: fileInode });
  });
  return found;
}
