/** What processes cost, from /proc (proc(5)). */
import { readFileSync } from 'node:fs';
import { descendants } from '../lib/processes.ts';

/** USER_HZ, the same on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;

export interface Memory {
  /** What the process has in memory, pages that it shares with others counted whole. */
  readonly rssBytes: number;
  /** The same with each shared page divided by the number of its users. */
  readonly pssBytes: number;
}

/** Fields of /proc/PID/stat in ticks, by their numbers in proc(5) minus 3, together in seconds. */
function statSeconds(pid: number, ...fields: readonly number[]): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const values = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.reduce((sum, field) => sum + Number(values[field]), 0) / TICKS_A_SECOND;
}

/** CPU time of a process and all its threads; ended children do not count. In steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  return statSeconds(pid, 11, 12);
}

/** CPU time of the children of a process that it has waited for, and of theirs. */
export function reapedCpuSeconds(pid: number): number {
  return statSeconds(pid, 13, 14);
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`no ${name} in /proc/${pid}/smaps_rollup`);
    return Number(found) * 1024;
  };
  return { rssBytes: bytes('Rss'), pssBytes: bytes('Pss') };
}

/** CPU time of these processes and all that descend from them. */
export function treeCpuSeconds(...pids: number[]): number {
  const all = new Set([...pids, ...descendants(...pids).map(child => child.pid)]);
  return [...all].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** PSS of a process with all that descend from it. */
export function treePssBytes(pid: number): number {
  const pids = [pid, ...descendants(pid).map(child => child.pid)];
  return pids.reduce((sum, each) => sum + memoryOf(each).pssBytes, 0);
}
