/** Workers killed at random under load, and what came of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Disturbance } from './disturb.ts';
import type { Failure } from './http-load.ts';
import type { JournalEntries } from './journal.ts';
import { readStat } from './processes.ts';

/** The living children of the keeper but the supervisor, in one look. */
export function workersOf(keeper: number, supervisor: number): number[] {
  return readdirSync(`/proc/${keeper}/task`)
    .flatMap(thread => read(`/proc/${keeper}/task/${thread}/children`).split(' '))
    .filter(it => it !== '')
    .map(Number)
    .filter(pid => pid !== supervisor && isLiving(readStat(pid)?.state));
}

function isLiving(state: string | undefined): boolean {
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

export interface Murderer {
  /** Kills one worker with SIGKILL, and then is quiet for `everyMs`. */
  readonly strike: Disturbance;
  readonly killed: readonly number[];
}

export function murderer(workers: () => readonly number[], everyMs: number): Murderer {
  const killed: number[] = [];
  return {
    killed,
    async strike() {
      const alive = workers();
      const victim = alive[Math.floor(Math.random() * alive.length)];
      if (victim !== undefined) {
        process.kill(victim, 'SIGKILL');
        killed.push(victim);
      }
      await delay(everyMs);
      return [];
    },
  };
}

/**
 * Failed requests that no killed worker accounts for, a sentence each. A worker with one request at a time takes one
 * with it: one that it had read, as its journal says, or one that it had accepted and not read yet.
 */
export function unexplained(
  failures: readonly Failure[],
  { begun }: JournalEntries,
  killed: readonly number[],
): string[] {
  const victims = new Set(killed);
  const complaints = failures.flatMap(({ n, what }) => {
    const others = (begun.get(n) ?? []).filter(pid => !victims.has(pid));
    return others.length === 0
      ? []
      : [`request ${n} failed (${what}) on ${others.join(', ')}, who was not killed`];
  });
  if (failures.length > killed.length)
    complaints.push(`${failures.length} requests failed, but only ${killed.length} workers were killed`);
  return complaints;
}
