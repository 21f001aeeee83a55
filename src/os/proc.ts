/** Readers of /proc (proc(5)). A process may end at any time: what cannot be read is null. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  /** R, S, D, Z, T and the like. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** CPU time of all its threads, in seconds. */
  readonly cpuSeconds: number;
  /** Clock ticks since boot: with the pid it names a process for good. */
  readonly startTicks: number;
  readonly rssBytes: number;
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;
const PAGE_BYTES = pageBytes();

/** /proc/PID/stat, read from its last parenthesis: the name before it may hold anything. */
export function readStat(pid: number): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // the first is field 3
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid,
    state: fields[0] ?? '?',
    parent: field(4),
    group: field(5),
    session: field(6),
    cpuSeconds: (field(14) + field(15)) / TICKS_A_SECOND,
    startTicks: field(22),
    rssBytes: field(24) * PAGE_BYTES,
  };
}

/** Every process that runs now. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** Those of a process group that still run; zombies do not count. */
export function groupMembers(group: number): ProcessStat[] {
  const members: ProcessStat[] = [];
  for (const pid of allPids()) {
    const stat = readStat(pid);
    if (stat !== null && stat.group === group && stat.state !== 'Z' && stat.state !== 'X') members.push(stat);
  }
  return members;
}

/** A process and all that descend from it, as far as they are still linked by parent. */
export function descendants(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const thread of threads(parent)) {
      const text = read(`/proc/${parent}/task/${thread}/children`);
      for (const child of (text ?? '').split(' ')) if (child.trim() !== '') found.push(Number(child));
    }
  }
  return found;
}

/** The threads of a process; empty when it has ended. */
export function threads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** The system call that a thread sleeps in, with its arguments; null while it runs, 'refused' when we may not look. */
export function currentSyscall(
  pid: number,
  thread: number,
): { readonly number: number; readonly args: bigint[] } | null | 'refused' {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/task/${thread}/syscall`, 'latin1').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? null : 'refused';
  }
  if (text === 'running') return null;
  const [number = '', ...rest] = text.split(' ');
  return { number: Number(number), args: rest.slice(0, 6).map(BigInt) };
}

/** A whole file of /proc, or null. */
export function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function pageBytes(): number {
  const kilobytes = /^KernelPageSize:\s+(\d+) kB/m.exec(read('/proc/self/smaps') ?? '')?.[1];
  return kilobytes === undefined ? 4096 : Number(kilobytes) * 1024;
}
