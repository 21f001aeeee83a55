/**
 * The lock of a run directory: the keeper that holds it is the one of that directory. Any process that can open a file
 * can lock it, so only the keeper's user can open this one; a lock on the pid file, which all may read, would be anybody's.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../os/descriptor.ts';
import { isOwnFile } from '../os/listener.ts';
import { LOCK_FILE } from '../os/locks.ts';
import { HeldFile, OPEN_HELD, writeOwnPid } from './held-file.ts';

export class RunLock extends HeldFile {
  /**
   * Takes the lock, and writes our pid for whoever does not get it.
   * @returns the pid of its holder (0 when it cannot be read)
   * @throws {Error} when others could open the file
   */
  static take(runDir: string): RunLock | { readonly heldBy: number } {
    const path = join(runDir, LOCK_FILE);
    for (;;) {
      const descriptor = openSync(path, OPEN_HELD, 0o600);
      try {
        refuseOthers(path, descriptor);
      } catch (error) {
        closeSync(descriptor);
        throw error;
      }
      const isLocked = tryLock(descriptor);
      if (isLocked && isOwnFile(path, fstatSync(descriptor))) {
        writeOwnPid(descriptor);
        return new RunLock({ path, descriptor });
      }
      const heldBy = isLocked ? null : Number.parseInt(readFileSync(descriptor, 'latin1'), 10) || 0;
      closeSync(descriptor);
      if (heldBy !== null) return { heldBy };
      // Its holder removed it between our open and our lock: once more.
    }
  }
}

function refuseOthers(path: string, descriptor: number): void {
  const stat = fstatSync(descriptor);
  const { uid, mode, nlink } = stat;
  if (stat.isFile() && nlink === 1 && uid === process.geteuid?.() && (mode & 0o077) === 0) return;
  const what = `uid ${uid}, mode ${(mode & 0o777).toString(8).padStart(4, '0')}, ${nlink} links`;
  throw new Error(`the lock file ${path} can be opened by others (${what}): remove it`);
}
