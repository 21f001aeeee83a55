/**
 * Where a running supervisor listens whose configuration file names another place by now: `run_dir` and
 * `control.socket` take effect with a restart, and until then commands must find it all the same.
 */
import { lstatSync, statSync } from 'node:fs';
import { HIDDEN_SUFFIX } from '../os/address.ts';
import { configFileOf, keepers, SUPERVISOR_TITLE, soleUidOf } from '../os/keepers.ts';
import { NetlinkRefused } from '../os/netlink.ts';
import { descendants, openSockets, read, readStat } from '../os/proc.ts';
import { socketFile, unixListeners } from '../os/sock-diag.ts';

/** @param configFile an absolute path. @returns null: none is found, or we may not look */
export function runningSocket(configFile: string): string | null {
  try {
    // Anybody can take a keeper's name, and a worker that of a supervisor: their users tell.
    const mine = keepers(statSync(configFile).uid).filter(pid => configFileOf(pid) === configFile);
    for (const keeper of mine) {
      const own = (descendants(keeper) ?? []).filter(pid => isSupervisor(pid, keeper));
      const path = listeningPath(new Set(own.flatMap(pid => openSockets(pid) ?? [])));
      if (path !== null) return path;
    }
  } catch (error) {
    if (!(error instanceof NetlinkRefused) && (error as NodeJS.ErrnoException).code === undefined)
      throw error;
  }
  return null;
}

function isSupervisor(pid: number, keeper: number): boolean {
  const isNamed = read(`/proc/${pid}/comm`)?.trimEnd() === SUPERVISOR_TITLE.slice(0, 15);
  return isNamed && readStat(pid)?.parent === keeper && soleUidOf(pid) === soleUidOf(keeper);
}

/** A socket is bound under a name for the time being: what it is called now, the file itself tells. */
function listeningPath(inodes: ReadonlySet<number>): string | null {
  for (const { inode, name, file } of unixListeners()) {
    if (!inodes.has(inode) || file === null || !name.endsWith(HIDDEN_SUFFIX)) continue;
    const path = name.slice(0, -HIDDEN_SUFFIX.length);
    const now = socketFile(lstatSync(path, { bigint: true }));
    if (now.device === file.device && now.inode === file.inode) return path;
  }
  return null;
}
