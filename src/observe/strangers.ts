/**
 * Processes that hold a listener and are not ours to end: a worker that put itself into the background left its
 * session and its group, so no signal of ours reaches it, and it accepts on.
 */
import { LookBudgets } from '../os/look-budget.ts';
import { allPids, openSockets, read, readHead, readStat, uidOf } from '../os/proc.ts';
import { oneLine } from '../printable.ts';

export interface Holder {
  readonly pid: number;
  /** The socket that it has open; the first, when it has several of them. */
  readonly inode: number;
  /** Its command line. */
  readonly command: string;
}

/**
 * Who has one of these sockets open: a look at every descriptor of processes that are not workers. What we may not look
 * into, and what is beyond the budget of its user, is not found.
 * @param inodes of listeners
 * @param groups process groups that are known: those of workers
 */
export function holdersOf(inodes: ReadonlySet<number>, groups: ReadonlySet<number>): Holder[] {
  if (inodes.size === 0) return [];
  const ours = new Set([process.pid, process.ppid]); // the keeper holds them all
  const budgets = new LookBudgets();
  const ofWorkers = new Map([...groups].map(group => [group, true]));
  return allPids().flatMap(pid => {
    const group = ours.has(pid) ? undefined : readStat(pid)?.group;
    if (group === undefined) return [];
    const isKnown = ofWorkers.get(group) ?? isJustSpawned(group);
    ofWorkers.set(group, isKnown);
    if (isKnown) return [];
    const inode = openSockets(pid, budgets.of(uidOf(pid)))?.find(socket => inodes.has(socket));
    return inode === undefined ? [] : [{ pid, inode, command: commandLine(pid) }];
  });
}

/** A worker of which the keeper's answer has not told us yet. As pid 1 the keeper gets every orphan for a child. */
function isJustSpawned(group: number): boolean {
  return process.ppid !== 1 && readStat(group)?.parent === process.ppid;
}

/** `pid 12 (/usr/bin/php-cgi -b 9000), pid 13 (…)` */
export function nameHolders(holders: readonly Omit<Holder, 'inode'>[]): string {
  return holders.map(({ pid, command }) => `pid ${pid} (${command})`).join(', ');
}

export function commandLine(pid: number): string {
  const words = (readHead(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
  return oneLine(words === '' ? (read(`/proc/${pid}/comm`)?.trim() ?? 'gone') : words);
}
