/** What a worker with its children uses, from /proc. Meant for one worker after the other, not for all at once. */
import { ageSeconds, descendants, read, readStat } from '../os/proc.ts';

export interface Usage {
  /** CPU time, that of children that have ended and were reaped included. */
  readonly cpuSeconds: number;
  /** Anonymous memory and swap. What processes of the family share is counted once; files and shared memory are not. */
  readonly memoryBytes: number;
  /** Since it was started. */
  readonly ageSeconds: number;
}

/** @returns null when the process is gone */
export function usageOf(pid: number, family: readonly number[] = descendants(pid)): Usage | null {
  const leader = readStat(pid);
  if (leader === null) return null;
  let memoryBytes = 0;
  for (const member of family) memoryBytes += anonymousBytes(member, family.length > 1);
  return { cpuSeconds: cpuSecondsOf(family), memoryBytes, ageSeconds: ageSeconds(leader.startTicks) };
}

/** CPU time of these processes, that of children that have ended and were reaped included. */
export function cpuSecondsOf(family: readonly number[]): number {
  let seconds = 0;
  for (const member of family) {
    const stat = readStat(member);
    seconds += (stat?.cpuSeconds ?? 0) + (stat?.childCpuSeconds ?? 0);
  }
  return seconds;
}

/**
 * @param isShared whether others may share pages with it, as children do with whom they were forked from; the kernel
 * then has to walk all its pages to divide them, and only for whom may trace it. Where it will not, they count in full.
 */
function anonymousBytes(pid: number, isShared: boolean): number {
  const rollup = isShared ? read(`/proc/${pid}/smaps_rollup`) : null;
  if (rollup?.includes('Pss_Anon:') === true)
    return kilobytes(rollup, 'Pss_Anon') + kilobytes(rollup, 'SwapPss');
  const status = read(`/proc/${pid}/status`) ?? '';
  return kilobytes(status, 'RssAnon') + kilobytes(status, 'VmSwap');
}

/** A line `NAME:   123 kB`, in bytes. */
function kilobytes(text: string, name: string): number {
  const at = text.indexOf(`\n${name}:`);
  return at === -1 ? 0 : Number.parseInt(text.slice(at + name.length + 2), 10) * 1024;
}
