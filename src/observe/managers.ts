/** Who looks after a program that was taken over, and how an administrator stops it for good. */
import { LookBudgets } from '../os/look-budget.ts';
import { allPids, openSockets, read, readStat, uidOf } from '../os/proc.ts';
import { otherListenersOf } from './foreign.ts';
import { commandLine } from './strangers.ts';

/** A process that still has the socket of a program that was taken over. */
export interface FormerHolder {
  readonly pid: number;
  readonly command: string;
  /** Accepted connections that it has in hand; null: not known. */
  readonly connections: number | null;
}

/** @param accepted inodes of connections; null: not known. @param ours processes that are not meant */
export function formerHolders(
  inode: number,
  accepted: ReadonlySet<number> | null,
  ours: ReadonlySet<number>,
): FormerHolder[] {
  const budgets = new LookBudgets();
  return allPids().flatMap(pid => {
    if (ours.has(pid)) return [];
    const sockets = openSockets(pid, budgets.of(uidOf(pid)));
    if (sockets?.includes(inode) !== true) return [];
    const connections = accepted === null ? null : sockets.filter(it => accepted.has(it)).length;
    return [{ pid, command: commandLine(pid), connections }];
  });
}

/** One sentence for each process that looks after the others, or has nobody who does. */
export function howToStop(holders: readonly FormerHolder[], inode: number): string[] {
  const pids = new Set(holders.map(({ pid }) => pid));
  const tops = holders.filter(({ pid }) => !pids.has(readStat(pid)?.parent ?? 0));
  const loose: number[] = [];
  const sentences: string[] = [];
  for (const { pid } of tops) {
    const family = holders.filter(it => it.pid === pid || readStat(it.pid)?.parent === pid);
    const sentence = managed(pid, family, inode);
    if (sentence === null) loose.push(...family.map(it => it.pid));
    else sentences.push(sentence);
  }
  if (loose.length > 0)
    sentences.push(
      `nobody starts ${loose.length === 1 ? 'it' : 'them'} again, as far as is seen: \`kill ${loose.join(' ')}\` ends what is left of the old program`,
    );
  return sentences;
}

/** null: nothing is known that would start it again. */
function managed(pid: number, family: readonly FormerHolder[], inode: number): string | null {
  const unit = unitOf(family.at(-1)?.pid ?? pid);
  if (pid === 1 || read(`/proc/${pid}/comm`) === 'systemd\n')
    return `systemd holds the old socket, and may start that program again: \`systemctl disable --now ${unit === null ? 'NAME.socket NAME.service' : `${unit.replace(/\.service$/, '.socket')} ${unit}`}\``;
  const title = commandLine(pid);
  const others = otherListenersOf(pid, inode);
  const also = others.length === 0 ? '' : ` It listens on ${others.join(', ')} as well, which ends with it.`;
  if (title.startsWith('php-fpm: master process')) {
    const stop = unit === null ? `kill -QUIT ${pid}` : `systemctl disable --now ${unit}`;
    const pids = family.map(it => it.pid).join(' ');
    return `php-fpm's master (pid ${pid}) removes the path of a Unix socket when it stops; fpm-ts puts it back at once, but who connects in between is refused: \`${stop}\`. Without that moment, now that it has nothing in hand: \`kill -KILL ${pids}\`.${also}`;
  }
  if (/\bsupervisord\b/.test(title)) {
    const program = family.map(it => environment(it.pid, 'SUPERVISOR_GROUP_NAME')).find(it => it !== null);
    return `supervisord (pid ${pid}) starts them again when they end: \`supervisorctl stop '${program ?? 'NAME'}:*'\`, and take the program out of its configuration: started again, it removes the path of a Unix socket and listens there itself`;
  }
  if (unit === null) return null;
  return `\`systemctl disable --now ${unit}\` ends what is left of the old program.${also}`;
}

/** The service that systemd runs it in; null: none. */
function unitOf(pid: number): string | null {
  const lines = (read(`/proc/${pid}/cgroup`) ?? '').split('\n');
  const path = lines.find(line => line.startsWith('0::') || line.includes(':name=systemd:')) ?? '';
  return /\/([\w@.:\\-]+\.service)$/.exec(path)?.[1] ?? null; // it is to be typed: nothing that a shell acts on
}

function environment(pid: number, name: string): string | null {
  const entries = (read(`/proc/${pid}/environ`) ?? '').split('\0');
  const value = entries.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  return value !== undefined && /^[\w@.:-]+$/.test(value) ? value : null; // as above
}
