/**
 * Whether a worker accepts on its listener, seen from outside: one of its threads, or of its
 * children's, sleeps in accept on it, waits for it in epoll, poll or select, or it already holds another socket,
 * which may be its first connection.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { LookBudget } from '../os/look-budget.ts';
import {
  currentSyscall,
  descriptorsOf,
  firstDescendants,
  linkOf,
  readInPieces,
  threads,
} from '../os/proc.ts';

/**
 * `accepting`: it waits for connections; `unseen`: it cannot be told (not permitted, io_uring, perhaps already
 * busy, too much to be looked at); `not-yet`: it does something else.
 */
export type Sight = 'accepting' | 'unseen' | 'not-yet';

interface SyscallNumbers {
  readonly accept: readonly number[];
  readonly poll: readonly number[];
  readonly select: readonly number[];
  readonly ioUring: readonly number[];
}

/** accept, accept4; poll, ppoll; select, pselect6; io_uring_enter (arch/x86/entry/syscalls, asm-generic/unistd.h). */
const NUMBERS: Readonly<Record<string, SyscallNumbers>> = {
  x64: { accept: [43, 288], poll: [7, 271], select: [23, 270], ioUring: [426] },
  arm64: { accept: [202, 242], poll: [73], select: [72], ioUring: [426] },
};

const EPOLL_LINK = 'anon_inode:[eventpoll]';

/** @param listenerDescriptor the descriptor on which the worker was given its listener */
export function lookAtWorker(
  pid: number,
  listenerDescriptor: number,
  budget: LookBudget = new LookBudget(),
): Sight {
  // One read tells most: `status` over a thousand workers would take as many times ten.
  if (acceptsOn(pid, listenerDescriptor)) return 'accepting';
  const listener = linkOf(pid, listenerDescriptor);
  let isUnseen = listener === null; // it has closed its descriptor 0, moved the socket, or we may not look
  for (const process of firstDescendants(pid, budget)) {
    const descriptors = socketsAndPolls(process, budget);
    if (descriptors === null) {
      isUnseen = true;
      continue;
    }
    const names = new Set(listener === null ? [] : descriptors.sockets.get(listener));
    if (descriptors.epolls.some(epoll => epollHolds(process, epoll, names, budget) === true))
      return 'accepting';
    for (const thread of threads(process, budget) ?? []) {
      if (!budget.take()) break;
      const sight = lookAtThread(process, thread, names);
      if (sight === 'accepting') return sight;
      if (sight === 'unseen') isUnseen = true;
    }
    if (descriptors.sockets.size > (names.size > 0 ? 1 : 0)) isUnseen = true;
  }
  return isUnseen || budget.isSpent ? 'unseen' : 'not-yet';
}

/** A thread, by default the first, sleeps in accept on that very descriptor: accept refuses what is no listener. */
export function acceptsOn(pid: number, descriptor: number, thread: number = pid): boolean {
  const call = currentSyscall(pid, thread);
  if (call === null || call === 'refused') return false;
  return NUMBERS[process.arch]?.accept.includes(call.number) === true && Number(call.args[0]) === descriptor;
}

function lookAtThread(pid: number, thread: number, listeners: ReadonlySet<number>): Sight {
  const call = currentSyscall(pid, thread);
  const numbers = NUMBERS[process.arch];
  if (call === null) return 'not-yet';
  if (call === 'refused' || numbers === undefined) return 'unseen';
  const [first = 0n, second = 0n] = call.args;
  if (numbers.accept.includes(call.number)) return listeners.has(Number(first)) ? 'accepting' : 'not-yet';
  if (numbers.ioUring.includes(call.number)) return 'unseen';
  if (numbers.poll.includes(call.number))
    return pollHolds(pid, first, Number(second), listeners) ? 'accepting' : 'not-yet';
  if (numbers.select.includes(call.number))
    return selectHolds(pid, second, Number(first), listeners) ? 'accepting' : 'not-yet';
  return 'not-yet';
}

/** The sockets of a process, by what they are, and its epoll instances; null when we may not look, or not at all of it. */
function socketsAndPolls(
  pid: number,
  budget: LookBudget,
): { sockets: Map<string, number[]>; epolls: number[] } | null {
  const sockets = new Map<string, number[]>();
  const epolls: number[] = [];
  let descriptors: number[] | null;
  try {
    descriptors = descriptorsOf(pid, budget);
  } catch {
    return null;
  }
  if (descriptors === null) return null;
  for (const descriptor of descriptors) {
    const link = linkOf(pid, descriptor);
    if (link === EPOLL_LINK) epolls.push(descriptor);
    if (link?.startsWith('socket:') !== true) continue;
    const others = sockets.get(link);
    if (others === undefined) sockets.set(link, [descriptor]);
    else others.push(descriptor);
  }
  return { sockets, epolls };
}

/** How deep the kernel lets epoll instances stand in each other (EP_MAX_NESTS). */
const MAX_EPOLL_NESTS = 4;

/**
 * proc(5), fdinfo of epoll: a line `tfd: 0 events: … ino:1f …` for each descriptor in the set. One of them may be an
 * epoll instance as well: a program with a loop of its own inside of another one's, as our own responders are.
 * @returns null: it holds more than can be looked at
 */
export function epollHolds(
  pid: number,
  epoll: number,
  listeners: ReadonlySet<number>,
  budget: LookBudget = new LookBudget(),
  nests = MAX_EPOLL_NESTS,
): boolean | null {
  const members = membersOf(pid, epoll, budget);
  if (members === null) return null;
  if (members.some(({ descriptor }) => listeners.has(descriptor))) return true;
  if (nests === 0) return false;
  // All epoll instances have one inode, which few other things share: seldom is one looked at for nothing.
  const inode = statSync(`/proc/${pid}/fd/${epoll}`, { throwIfNoEntry: false })?.ino.toString(16);
  for (const { descriptor, ino } of members) {
    if (ino !== inode || linkOf(pid, descriptor) !== EPOLL_LINK) continue;
    const inner = epollHolds(pid, descriptor, listeners, budget, nests - 1);
    if (inner !== false) return inner;
  }
  return false;
}

interface EpollMember {
  readonly descriptor: number;
  /** In hexadecimal digits; undefined: an old kernel does not tell. */
  readonly ino: string | undefined;
}

/** What stands in an epoll instance; empty when it is gone. The kernel writes all of it out at the first read. */
function membersOf(pid: number, epoll: number, budget: LookBudget): EpollMember[] | null {
  const members: EpollMember[] = [];
  let begun = '';
  const takeLines = (piece: string): boolean => {
    const lines = (begun + piece).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) {
      const [, descriptor, ino] = /^tfd:\s*(\d+)(?:.*\bino:([0-9a-f]+))?/.exec(line) ?? [];
      if (descriptor === undefined) continue;
      if (!budget.take()) return false;
      members.push({ descriptor: Number(descriptor), ino });
    }
    return true;
  };
  budget.timed(() => readInPieces(`/proc/${pid}/fdinfo/${epoll}`, takeLines));
  return budget.isSpent ? null : members;
}

/** struct pollfd: descriptor, events, revents in 8 bytes. */
export function pollHolds(
  pid: number,
  address: bigint,
  count: number,
  listeners: ReadonlySet<number>,
): boolean {
  const set = readMemory(pid, address, Math.min(count, 1024) * 8);
  for (let at = 0; set !== null && at < set.length; at += 8)
    if (listeners.has(set.readInt32LE(at))) return true;
  return false;
}

/** fd_set: a bit a descriptor. */
export function selectHolds(
  pid: number,
  address: bigint,
  count: number,
  listeners: ReadonlySet<number>,
): boolean {
  if (address === 0n) return false;
  const set = readMemory(pid, address, Math.ceil(Math.min(count, 1024) / 8));
  return set !== null && [...listeners].some(fd => ((set[fd >> 3] ?? 0) & (1 << (fd & 7))) !== 0);
}

function readMemory(pid: number, address: bigint, bytes: number): Buffer | null {
  let memory: number | undefined;
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r');
    const buffer = Buffer.alloc(bytes);
    return readSync(memory, buffer, 0, bytes, address) === bytes ? buffer : null;
  } catch {
    return null;
  } finally {
    if (memory !== undefined) closeSync(memory);
  }
}
