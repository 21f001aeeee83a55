/** Who holds the lock of a run directory, by what the kernel tells of it (proc_locks(5)). */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { read, uidOf } from './proc.ts';

/** In the run directory. Only the user of its keeper may open it. */
export const LOCK_FILE = 'lock';

const FLOCK = /^\d+: FLOCK +\S+ +WRITE +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /;

/**
 * The process that holds the lock and stands in the pid file; null when none does. Only looks: whoever tried the lock to
 * find out would for that moment hold it against its owner. An earlier version locks the pid file, as any user could, so
 * the holder must have the user that the pid file has.
 */
export function lockHolder({
  runDir,
  pidFile,
}: {
  readonly runDir: string;
  readonly pidFile: string;
}): number | null {
  const own = statSync(pidFile, { throwIfNoEntry: false });
  if (own === undefined) return null;
  const pid = Number.parseInt(read(pidFile) ?? '', 10);
  const locked = statSync(join(runDir, LOCK_FILE), { throwIfNoEntry: false });
  const locks = (read('/proc/locks') ?? '').split('\n').map(line => FLOCK.exec(line));
  // Devices are told in another way than stat(2) does, so the pid in the file has to agree as well.
  const isHeld = locks.some(
    lock => Number(lock?.[1]) === pid && [own.ino, locked?.ino].includes(Number(lock?.[2])),
  );
  return isHeld && uidOf(pid) === own.uid ? pid : null;
}
