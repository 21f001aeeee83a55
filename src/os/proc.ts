/** Readers of /proc (proc(5)). A process may end at any time: what cannot be read is null. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  /** R, S, D, Z, T and the like. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** CPU time of all its threads, in seconds. */
  readonly cpuSeconds: number;
  /** The same of its children that have ended and that it has waited for, and of theirs. */
  readonly childCpuSeconds: number;
  /** Clock ticks since boot: with the pid it names a process for good. */
  readonly startTicks: number;
  readonly rssBytes: number;
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;
const AT_PAGESZ = 6;
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
    childCpuSeconds: (field(16) + field(17)) / TICKS_A_SECOND,
    startTicks: field(22),
    rssBytes: field(24) * PAGE_BYTES,
  };
}

/** Names this boot of the machine: pids and start times mean nothing in another one. */
export function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** How long ago a process was started, by its `startTicks`. */
export function ageSeconds(startTicks: number): number {
  const uptimeSeconds = Number(read('/proc/uptime')?.split(' ')[0]);
  return Math.max(0, uptimeSeconds - startTicks / TICKS_A_SECOND);
}

/** Every process that runs now. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** The process groups of which something still runs, in one look at all processes. */
export function livingGroups(): Set<number> {
  return new Set(running().map(stat => stat.group));
}

function running(): ProcessStat[] {
  return allPids()
    .map(readStat)
    .filter((stat): stat is ProcessStat => stat !== null && stat.state !== 'Z' && stat.state !== 'X');
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

/** Whether any thread of a process, or of those that descend from it, runs or waits for a CPU. */
export function isRunnable(pid: number): boolean {
  return descendants(pid).some(member => threads(member).some(thread => threadState(member, thread) === 'R'));
}

/** The state of a thread as proc(5) has it; null: it has ended. */
export function threadState(pid: number, thread: number): string | null {
  const stat = read(`/proc/${pid}/task/${thread}/stat`);
  return stat === null ? null : stat.charAt(stat.lastIndexOf(')') + 2);
}

/** The threads of a process; empty when it has ended. */
export function threads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/**
 * The descriptor under which a process has something open.
 * @param link as /proc/PID/fd shows it, such as `socket:[N]`
 * @returns null when it does not have it, has ended, or we may not look
 */
export function descriptorOf(pid: number, link: string): number | null {
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`))
      if (linkOf(pid, Number(name)) === link) return Number(name);
  } catch {
    // ended, or not ours to look at
  }
  return null;
}

/**
 * What a process has open under a descriptor, as /proc/PID/fd shows it, such as `socket:[N]`.
 * @returns null when it is closed, or not ours to look at
 */
export function linkOf(pid: number, descriptor: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return null;
  }
}

/**
 * The inodes of the sockets that a process has open, each as often as it has it; empty when it has ended.
 * @returns null when we may not look
 */
export function openSockets(pid: number): number[] | null {
  const folder = `/proc/${pid}/fd`;
  const inodes: number[] = [];
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    // A zombie has nothing open, but only root may see that.
    return isGone(error) || readStat(pid)?.state === 'Z' ? inodes : null;
  }
  for (const name of names) {
    try {
      const link = readlinkSync(`${folder}/${name}`);
      if (link.startsWith('socket:[')) inodes.push(Number(link.slice(8, -1)));
    } catch (error) {
      if (!isGone(error)) return null; // else closed meanwhile
    }
  }
  return inodes;
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
    return isGone(error) ? null : 'refused';
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

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** As the kernel tells every program (getauxval(3)): pairs of a kind and a value, 64 bits each. */
function pageBytes(): number {
  const vector = Buffer.from(read('/proc/self/auxv') ?? '', 'latin1');
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readUInt32LE(at) === AT_PAGESZ) return vector.readUInt32LE(at + 8);
  return 4096;
}
