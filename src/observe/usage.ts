/** What a worker with its children uses, from /proc. Meant for one worker after the other, not for all at once. */
import { LookBudget } from '../os/look-budget.ts';
import { ageSeconds, firstDescendants, read, readStat } from '../os/proc.ts';

export interface Usage {
  /** CPU time, that of children that have ended and were reaped included. */
  readonly cpuSeconds: number;
  /** Anonymous memory and swap. What processes of the family share is counted once; files and shared memory are not. */
  readonly memoryBytes: number;
  /** Since it was started. */
  readonly ageSeconds: number;
}

/**
 * @param family all that count: by default the process with its children. Of more than the budget allows to look at, it
 * is the first of them, and the least that they use.
 * @returns null when the process is gone, or nothing may be looked at
 */
export function usageOf(
  pid: number,
  budget: LookBudget = new LookBudget(),
  family: readonly number[] = firstDescendants(pid, budget),
): Usage | null {
  const leader = readStat(pid);
  if (leader === null || budget.isSpent) return null;
  let memoryBytes = 0;
  for (const member of family) memoryBytes += anonymousBytes(member, family.length > 1, budget);
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
 * then has to walk all its pages and mappings to divide them, however many those are, and only for whom may trace it.
 * Where it will not, they count in full.
 */
function anonymousBytes(pid: number, isShared: boolean, budget: LookBudget): number {
  if (!budget.take()) return 0;
  const rollup = isShared ? budget.timed(() => read(`/proc/${pid}/smaps_rollup`)) : null;
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
