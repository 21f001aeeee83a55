/** What a worker is at, seen from outside: whether it waits for its client, and what its threads are in. */
import { LookBudget } from '../os/look-budget.ts';
import { currentSyscall, linkOf, read, readStat, threads } from '../os/proc.ts';
import { syscallName } from '../os/syscall-names.ts';
import { epollHolds, pollHolds, selectHolds } from './readiness.ts';

const READS: ReadonlySet<string> = new Set(['read', 'readv', 'recvfrom', 'recvmsg']);
const POLLS: ReadonlySet<string> = new Set(['poll', 'ppoll']);
const SELECTS: ReadonlySet<string> = new Set(['select', 'pselect6']);
const EPOLLS: ReadonlySet<string> = new Set(['epoll_wait', 'epoll_pwait', 'epoll_pwait2']);
/** Calls whose first argument is a descriptor that tells what is waited for. */
const OF_DESCRIPTOR: ReadonlySet<string> = new Set([
  ...READS,
  'write',
  'writev',
  'pread64',
  'pwrite64',
  'sendto',
  'sendmsg',
  'connect',
  'accept',
  'accept4',
  'flock',
  'fcntl',
  'fsync',
  'fdatasync',
]);

/**
 * Whether a process waits for what comes over a connection.
 * @returns null: it cannot be told, because it waits for many at once (epoll, io_uring), may not be looked at, or has too
 * many threads
 */
export function waitsFor(
  pid: number,
  descriptor: number,
  budget: LookBudget = new LookBudget(),
): boolean | null {
  let isTold = true;
  for (const thread of threads(pid, budget) ?? []) {
    if (!budget.take()) break;
    const call = currentSyscall(pid, thread);
    if (call === null) continue;
    if (call === 'refused') return null;
    const name = syscallName(call.number);
    const [first = 0n, second = 0n] = call.args;
    const wanted = new Set([descriptor]);
    if (READS.has(name) && Number(first) === descriptor) return true;
    if (POLLS.has(name) && pollHolds(pid, first, Number(second), wanted)) return true;
    if (SELECTS.has(name) && selectHolds(pid, second, Number(first), wanted)) return true;
    if (name === 'io_uring_enter') isTold = false;
    if (EPOLLS.has(name) && epollHolds(pid, Number(first), wanted, budget) !== false) isTold = false;
  }
  return isTold && !budget.isSpent ? false : null;
}

/** System calls that read and that wrote, since the process was started; null: we may not look. recv and send are not in it. */
export function callCounts(pid: number): { readonly reads: number; readonly writes: number } | null {
  const text = read(`/proc/${pid}/io`);
  const reads = /^syscr: (\d+)$/m.exec(text ?? '')?.[1];
  const writes = /^syscw: (\d+)$/m.exec(text ?? '')?.[1];
  return reads === undefined || writes === undefined
    ? null
    : { reads: Number(reads), writes: Number(writes) };
}

/** A line of the log holds no more. */
const MOST_THREADS = 64;

/** In words, such as "clock_nanosleep" or "read of descriptor 5, socket:[1234]"; of several threads, how many. */
export function describeActivity(pid: number): string {
  const all = threads(pid);
  if (all === null) return 'unknown: it has too many threads';
  const counts = new Map<string, number>();
  for (const thread of all.slice(0, MOST_THREADS)) {
    const text = describeThread(pid, thread);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  if (counts.size === 0) return 'gone';
  const texts = [...counts].map(([text, count]) => (count === 1 ? text : `${count} threads: ${text}`));
  if (all.length > MOST_THREADS) texts.push(`${all.length - MOST_THREADS} more threads`);
  return texts.join('; ');
}

function describeThread(pid: number, thread: number): string {
  const call = currentSyscall(pid, thread);
  if (call === null) return readStat(pid)?.state === 'Z' ? 'gone' : 'running, in no system call';
  if (call === 'refused') {
    const place = read(`/proc/${pid}/task/${thread}/wchan`);
    return place === null || place === '' || place === '0'
      ? 'unknown: we may not look'
      : `asleep in ${place}`;
  }
  // The kernel says -1 for a thread that is stopped outside of any call.
  if (call.number < 0) return 'stopped outside of a system call';
  const name = syscallName(call.number);
  if (!OF_DESCRIPTOR.has(name)) return name;
  const descriptor = Number(call.args[0]);
  const link = linkOf(pid, descriptor);
  return `${name} of descriptor ${descriptor}${link === null ? '' : `, ${link}`}`;
}

/** The functions of the kernel that its first thread is in, the innermost first; null: not readable (proc(5): root only). */
export function kernelStack(pid: number): readonly string[] | null {
  const text = read(`/proc/${pid}/stack`);
  if (text === null || text.trim() === '') return null;
  return text
    .trim()
    .split('\n')
    .map(line => line.replace(/^\[<[0-9a-f]+>\] /, ''));
}
