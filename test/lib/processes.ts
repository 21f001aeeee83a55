/** What the tests see of other processes, from /proc and independently of the product's own readers. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process as such: a pid alone may be another process a moment later. */
export interface Seen {
  readonly pid: number;
  readonly startTicks: string;
}

interface Stat extends Seen {
  readonly parent: number;
  readonly state: string;
  readonly name: string;
}

/** undefined when there is no such process. See proc(5); the name may hold spaces and parentheses. */
export function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, end),
    state: fields[0] ?? '?',
    parent: Number(fields[1]),
    startTicks: fields[19] ?? '',
  };
}

/** A zombie counts as gone: it only waits for its parent, which may be an init that never reaps. */
export function isAlive(seen: Seen): boolean {
  const stat = readStat(seen.pid);
  return (
    stat !== undefined && stat.startTicks === seen.startTicks && stat.state !== 'Z' && stat.state !== 'X'
  );
}

/** All children of these processes and theirs, in one look; not those named, unless one descends from another. */
export function descendants(...pids: number[]): Stat[] {
  const children = new Map<number, Stat[]>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat]);
  }
  const found = new Set<Stat>();
  const visit = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      visit(child.pid);
    }
  };
  for (const pid of pids) visit(pid);
  return [...found];
}

/** The children of a process that its parent has not reaped, in one look that costs little whatever else runs. */
export function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap(thread =>
    readText(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter(it => it !== '')
      .map(Number),
  );
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Processes that execute a file below a directory, whoever their parent is by now. Zombies execute nothing. */
export function processesOf(directory: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && executableOf(name).startsWith(`${directory}/`))
    .map(Number);
}

function executableOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** How many descriptors a process has open, but for the journal of a keeper, which may be written anew right now. */
export function openDescriptors(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter(name => !isPassing(`${folder}/${name}`)).length;
}

function isPassing(descriptor: string): boolean {
  try {
    return /\/state\.journal(\.new| \(deleted\))?$/.test(readlinkSync(descriptor));
  } catch {
    return true; // closed meanwhile
  }
}

/** The command line, or the name in brackets where there is none (a zombie). */
export function describe(pid: number): string {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return line === '' ? `[${readStat(pid)?.name ?? 'gone'}]` : line;
  } catch {
    return '[gone]';
  }
}

export function kill(seen: Seen, signal: NodeJS.Signals): void {
  if (!isAlive(seen)) return;
  try {
    process.kill(seen.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
