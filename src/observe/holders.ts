/** The workers of anybody's pool: who has a listener open, found through /proc. */
import { isKeeper } from '../os/keepers.ts';
import { LookBudgets } from '../os/look-budget.ts';
import { allPids, openSockets, read, readHead, readStat, uidOf } from '../os/proc.ts';

export interface Holder {
  readonly pid: number;
  /** How many of the accepted connections it has. */
  readonly connections: number;
}

/**
 * The processes that have one of these sockets open. One whose child has it as well only looks after its children:
 * php-fpm's master, the parent of a php-cgi with PHP_FCGI_CHILDREN, a service manager. Some of those are known by their
 * names, too: they have no child while nobody connects.
 * @param accepted inodes of connections
 * @returns null when none is seen because we may not look into some process, or not into all of a user's
 */
export function workersHolding(
  listeners: ReadonlySet<number>,
  accepted: ReadonlySet<number>,
): readonly Holder[] | null {
  const holders = new Map<number, Holder>();
  const budgets = new LookBudgets();
  let isHidden = false;
  for (const pid of allPids()) {
    const sockets = openSockets(pid, budgets.of(uidOf(pid)));
    if (sockets === null) isHidden = true;
    else if (sockets.some(inode => listeners.has(inode)))
      holders.set(pid, { pid, connections: new Set(sockets.filter(inode => accepted.has(inode))).size });
  }
  if (holders.size === 0 && isHidden) return null;
  const parents = new Set([...holders.keys()].map(pid => readStat(pid)?.parent));
  return [...holders.values()].filter(
    ({ pid, connections }) => !(parents.has(pid) || (connections === 0 && isManager(pid))),
  );
}

/** Ours, systemd with a socket unit, or php-fpm's master, which tells its children apart from itself by its title. */
function isManager(pid: number): boolean {
  return (
    isKeeper(pid) ||
    read(`/proc/${pid}/comm`) === 'systemd\n' ||
    readHead(`/proc/${pid}/cmdline`)?.startsWith('php-fpm: master process') === true
  );
}
