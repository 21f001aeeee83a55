/** What the kernel counted of its out-of-memory kills, for a SIGKILL that nobody of us sent. */
import { read } from '../os/proc.ts';

export interface OomCounters {
  /** /proc/vmstat, oom_kill: the whole host (since Linux 4.13). */
  readonly host: number | null;
  /** memory.events, oom_kill: our own control group (cgroup v2). */
  readonly group: number | null;
}

export function readOomCounters(): OomCounters {
  const path = /^0::(.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1];
  return {
    host: counter(read('/proc/vmstat')),
    group: path === undefined ? null : counter(read(`/sys/fs/cgroup${path}/memory.events`)),
  };
}

function counter(text: string | null): number | null {
  const value = /^oom_kill (\d+)$/m.exec(text ?? '')?.[1];
  return value === undefined ? null : Number(value);
}

/** In words, how the counters moved. */
export function describeOom(before: OomCounters, now: OomCounters): string {
  return [
    sentence('the host', before.host, now.host),
    ...(now.group === null ? [] : [sentence('our control group', before.group, now.group)]),
  ].join(', ');
}

/** Whether the kernel says that it killed nobody for memory meanwhile; false where it does not tell. */
export function isOutOfMemoryRuledOut(before: OomCounters, now: OomCounters): boolean {
  return now.host !== null && now.host === before.host && now.group === before.group;
}

function sentence(where: string, before: number | null, now: number | null): string {
  if (now === null || before === null) return `the kernel does not tell how often it killed on ${where}`;
  const more = now - before;
  return more > 0
    ? `the kernel killed ${more} for memory in ${where} since the last look`
    : `the kernel counts no new kill for memory in ${where}`;
}
