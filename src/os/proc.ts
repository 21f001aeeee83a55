/**
 * Readers of /proc (proc(5)). A process may end at any time: what cannot be read is null. Where the process chooses how
 * much there is to be read, a budget bounds it (look-budget.ts).
 */
import {
  closeSync,
  opendirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { LookBudget } from './look-budget.ts';

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

/** The user whose processes it is one of; null: it has ended. Unlike /proc/PID itself, this cannot be hidden. */
export function uidOf(pid: number): number | null {
  const uid = /^Uid:\t(\d+)/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return uid === undefined ? null : Number(uid);
}

/**
 * A process and all that descend from it, as far as they are still linked by parent.
 * @returns null when they are too many to be read
 */
export function descendants(pid: number, budget: LookBudget = new LookBudget()): number[] | null {
  const found = firstDescendants(pid, budget);
  return budget.isSpent ? null : found;
}

/** The same as far as the budget goes. */
export function firstDescendants(pid: number, budget: LookBudget = new LookBudget()): number[] {
  const found = [pid];
  for (const parent of found)
    for (const thread of threads(parent, budget) ?? [])
      for (const child of childrenOf(parent, thread, budget)) found.push(child);
  return found;
}

/** A list that may be long, read as far as the budget goes. */
function childrenOf(pid: number, thread: number, budget: LookBudget): number[] {
  const children: number[] = [];
  let begun = '';
  readInPieces(`/proc/${pid}/task/${thread}/children`, piece => {
    const words = (begun + piece).split(' ');
    begun = words.pop() ?? '';
    for (const word of words) if (word !== '' && budget.take()) children.push(Number(word));
    return !budget.isSpent;
  });
  return children;
}

/** Whether any thread of a process, or of those that descend from it, runs or waits for a CPU, or may do so. */
export function isRunnable(pid: number, budget: LookBudget = new LookBudget()): boolean {
  const family = descendants(pid, budget);
  if (family === null) return true;
  return family.some(member => {
    const all = threads(member, budget);
    return all === null || all.some(thread => !budget.take() || threadState(member, thread) === 'R');
  });
}

/** The state of a thread as proc(5) has it; null: it has ended. */
export function threadState(pid: number, thread: number): string | null {
  const stat = read(`/proc/${pid}/task/${thread}/stat`);
  return stat === null ? null : stat.charAt(stat.lastIndexOf(')') + 2);
}

/** The threads of a process; empty when it has ended, null when they are too many to be read. */
export function threads(pid: number, budget: LookBudget = new LookBudget()): number[] | null {
  const folder = `/proc/${pid}/task`;
  try {
    // Beside the usual two links of a directory, one for each thread: most processes have one.
    if (statSync(folder).nlink === 3) return budget.take() ? [pid] : null;
    return numbersIn(folder, budget);
  } catch {
    return [];
  }
}

/**
 * The descriptors of a process.
 * @returns null when they are too many to be read
 * @throws ENOENT when it has ended, EACCES when we may not look
 */
export function descriptorsOf(pid: number, budget: LookBudget = new LookBudget()): number[] | null {
  return numbersIn(`/proc/${pid}/fd`, budget);
}

/** How many names of a directory are read at a time. */
const NAMES_AT_ONCE = 256;

/** The names of a directory of numbers; readdir(3) would read all of it, however many there are. */
function numbersIn(path: string, budget: LookBudget): number[] | null {
  const folder = opendirSync(path, { bufferSize: NAMES_AT_ONCE });
  try {
    const numbers: number[] = [];
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (!budget.take()) return null;
      numbers.push(Number(entry.name));
    }
    return numbers;
  } finally {
    folder.closeSync();
  }
}

/**
 * The descriptor under which a process has something open.
 * @param link as /proc/PID/fd shows it, such as `socket:[N]`
 * @returns null when it does not have it, has too many to be read, has ended, or we may not look
 */
export function descriptorOf(pid: number, link: string): number | null {
  try {
    return descriptorsOf(pid)?.find(descriptor => linkOf(pid, descriptor) === link) ?? null;
  } catch {
    return null; // ended, or not ours to look at
  }
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
 * @returns null when we may not look, or it has too many to be read
 */
export function openSockets(pid: number, budget: LookBudget = new LookBudget()): number[] | null {
  const inodes: number[] = [];
  try {
    const all = descriptorsOf(pid, budget);
    if (all === null) return null;
    for (const descriptor of all) {
      const link = socketLink(pid, descriptor);
      if (link !== null) inodes.push(link);
    }
    return inodes;
  } catch (error) {
    // A zombie has nothing open, but only root may see that.
    return isGone(error) || readStat(pid)?.state === 'Z' ? inodes : null;
  }
}

/** @returns null: it is no socket, or was closed meanwhile. @throws EACCES */
function socketLink(pid: number, descriptor: number): number | null {
  try {
    const link = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    return link.startsWith('socket:[') ? Number(link.slice(8, -1)) : null;
  } catch (error) {
    if (!isGone(error)) throw error;
    return null;
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
    return isGone(error) ? null : 'refused';
  }
  if (text === 'running') return null;
  const [number = '', ...rest] = text.split(' ');
  return { number: Number(number), args: rest.slice(0, 6).map(BigInt) };
}

/** A whole file of /proc, or null. Not for one whose length a process chooses. */
export function read(path: string): string | null {
  let text = '';
  const isRead = readInPieces(path, piece => {
    text += piece;
    return true;
  });
  return isRead ? text : null;
}

/** The beginning of a file of /proc whose length a process chooses, such as its command line. */
export function readHead(path: string): string | null {
  let head = '';
  const isRead = readInPieces(path, piece => {
    head = piece.slice(0, HEAD_CHARACTERS);
    return false;
  });
  return isRead ? head : null;
}

const HEAD_CHARACTERS = 4096;
const PIECE: Buffer = Buffer.alloc(65_536);

/** @param take is called with one piece after the other, until it returns false. @returns false: it cannot be read */
export function readInPieces(path: string, take: (piece: string) => boolean): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    for (let isWanted = true; isWanted; ) {
      const bytes = readSync(descriptor, PIECE);
      isWanted = bytes > 0 && take(PIECE.toString('latin1', 0, bytes));
    }
    return true;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
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
