/** The run directory and the pid file. Who is the one supervisor of a run directory, its lock says (run-lock.ts). */
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { isKeeper } from '../os/keepers.ts';
import { descriptorsOf, uidOf } from '../os/proc.ts';
import { HeldFile, OPEN_HELD, writeOwnPid } from './held-file.ts';

/**
 * Makes the directory for sockets and pid file, which must be ours: in /tmp another user could have made it first.
 * @throws {Error} when it is a link, no directory, somebody else's, or others may write in it
 */
export function makeRunDir(path: string): void {
  const uid = process.getuid?.() ?? 0;
  mkdirSync(path, { recursive: true, mode: uid === 0 ? 0o755 : 0o700 });
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new Error(`run_dir ${path} is no directory`);
  if (stat.uid !== uid && stat.uid !== 0) {
    throw new Error(
      `run_dir ${path} belongs to uid ${stat.uid}, not to us (uid ${uid}): remove it or set another run_dir`,
    );
  }
  if ((stat.mode & 0o022) !== 0) {
    throw new Error(
      `other users may write in run_dir ${path} and put their files in the place of ours: \`chmod go-w ${path}\`, or set another run_dir`,
    );
  }
}

export class PidFile extends HeldFile {
  /**
   * Writes our pid. A file left by a process that died is taken over.
   * @returns the pid in the file when that is a keeper which has it: of another run directory, or of a version that knew
   * no lock but this file's
   * @throws {Error} when the file is another user's, or no file
   */
  static take(path: string): PidFile | { readonly heldBy: number } {
    const descriptor = openSync(path, OPEN_HELD, 0o644);
    try {
      const stat = fstatSync(descriptor);
      refuseForeign(path, stat);
      const pid = Number.parseInt(readFileSync(descriptor, 'latin1'), 10);
      if (pid > 0 && pid !== process.pid && hasOpen(pid, stat)) {
        closeSync(descriptor);
        return { heldBy: pid };
      }
      writeOwnPid(descriptor);
      return new PidFile({ path, descriptor });
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }
}

/** Another user could write any pid into a file of his. */
function refuseForeign(path: string, stat: Stats): void {
  if (!stat.isFile() || stat.nlink !== 1)
    throw new Error(`pid_file ${path} is no file of its own: remove it or set another pid_file`);
  if (stat.uid !== process.geteuid?.())
    throw new Error(
      `pid_file ${path} belongs to uid ${stat.uid}, not to us (uid ${process.geteuid?.()}): remove it or set another pid_file`,
    );
}

/** It is a keeper of our user, and keeps that file open. Anybody can take a keeper's name; our user, nobody. */
function hasOpen(pid: number, file: Stats): boolean {
  if (!isKeeper(pid) || uidOf(pid) !== process.geteuid?.()) return false;
  try {
    const descriptors = descriptorsOf(pid);
    return descriptors === null || descriptors.some(it => isSame(`/proc/${pid}/fd/${it}`, file));
  } catch (error) {
    // Without the right to look into it, its name and its user have to do.
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function isSame(path: string, { dev, ino }: Stats): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.dev === dev && stat.ino === ino;
}
