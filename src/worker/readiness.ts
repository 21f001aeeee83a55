/**
 * Whether a worker accepts on its listener, seen from outside (DESIGN section 6): one of its threads, or of its
 * children's, sleeps in accept on it, waits for it in epoll, poll or select, or it already holds another socket,
 * which may be its first connection.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { currentSyscall, descendants, linkOf, threads } from '../os/proc.ts';

/**
 * `accepting`: it waits for connections; `unseen`: it cannot be told (not permitted, io_uring, perhaps already
 * busy); `not-yet`: it does something else.
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
export function lookAtWorker(pid: number, listenerDescriptor: number): Sight {
  // One read tells most: `status` over a thousand workers would take as many times ten.
  if (acceptsOn(pid, listenerDescriptor)) return 'accepting';
  const listener = linkOf(pid, listenerDescriptor);
  let isUnseen = listener === null; // it has closed its descriptor 0, moved the socket, or we may not look
  for (const process of descendants(pid)) {
    const descriptors = socketsAndPolls(process);
    if (descriptors === null) {
      isUnseen = true;
      continue;
    }
    const names = new Set(listener === null ? [] : descriptors.sockets.get(listener));
    if (descriptors.epolls.some(epoll => epollHolds(process, epoll, names))) return 'accepting';
    for (const thread of threads(process)) {
      const sight = lookAtThread(process, thread, names);
      if (sight === 'accepting') return sight;
      if (sight === 'unseen') isUnseen = true;
    }
    if (descriptors.sockets.size > (names.size > 0 ? 1 : 0)) isUnseen = true;
  }
  return isUnseen ? 'unseen' : 'not-yet';
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

/** The sockets of a process, by what they are, and its epoll instances; null when we may not look. */
function socketsAndPolls(pid: number): { sockets: Map<string, number[]>; epolls: number[] } | null {
  const sockets = new Map<string, number[]>();
  const epolls: number[] = [];
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return null;
  }
  for (const name of names) {
    const link = linkOf(pid, Number(name));
    if (link === EPOLL_LINK) epolls.push(Number(name));
    if (link?.startsWith('socket:')) sockets.set(link, [...(sockets.get(link) ?? []), Number(name)]);
  }
  return { sockets, epolls };
}

/** How deep the kernel lets epoll instances stand in each other (EP_MAX_NESTS). */
const MAX_EPOLL_NESTS = 4;

/**
 * proc(5), fdinfo of epoll: a line `tfd: 0 events: … ino:1f …` for each descriptor in the set. One of them may be an
 * epoll instance as well: a program with a loop of its own inside of another one's, as our own responders are.
 */
export function epollHolds(
  pid: number,
  epoll: number,
  listeners: ReadonlySet<number>,
  nests = MAX_EPOLL_NESTS,
): boolean {
  try {
    const info = readFileSync(`/proc/${pid}/fdinfo/${epoll}`, 'latin1');
    const members = [...info.matchAll(/^tfd:\s*(\d+)(?:.*\bino:([0-9a-f]+))?/gm)];
    if (members.some(([, descriptor]) => listeners.has(Number(descriptor)))) return true;
    if (nests === 0) return false;
    // All epoll instances have one inode, which few other things share: seldom is one looked at for nothing.
    const inode = statSync(`/proc/${pid}/fd/${epoll}`).ino.toString(16);
    return members.some(
      ([, descriptor, ino]) =>
        ino === inode &&
        isEpoll(pid, descriptor) &&
        epollHolds(pid, Number(descriptor), listeners, nests - 1),
    );
  } catch {
    return false;
  }
}

function isEpoll(pid: number, descriptor: string | undefined): boolean {
  return linkOf(pid, Number(descriptor)) === EPOLL_LINK;
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
