/** Who holds a lock, by what the kernel tells of it (proc_locks(5)). */
import { statSync } from 'node:fs';
import { read } from './proc.ts';

const FLOCK = /^\d+: FLOCK +\S+ +WRITE +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /;

/**
 * The process that holds the flock(2) of a pid file and stands in it; null when none does. Only looks: whoever tried
 * the lock to find out would for that moment hold it against its owner.
 */
export function lockHolder(pidFile: string): number | null {
  const stat = statSync(pidFile, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  const pid = Number.parseInt(read(pidFile) ?? '', 10);
  const locks = (read('/proc/locks') ?? '').split('\n').map(line => FLOCK.exec(line));
  // Devices are told in another way than stat(2) does, so the pid in the file has to agree as well.
  return locks.some(lock => Number(lock?.[1]) === pid && Number(lock?.[2]) === stat.ino) ? pid : null;
}
