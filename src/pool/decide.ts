/**
 * What a pool should do next, as a pure function (STYLE point 1): the snapshot and the policy come in, actions,
 * reasons and the memory for the next time go out. No clock, no chance, no effect in here.
 */
import type { RestartMemory } from './restart-limit.ts';

export interface WorkerView {
  readonly pid: number;
  readonly isReady: boolean;
  readonly startedAtMs: number;
}

export interface Snapshot {
  readonly nowMs: number;
  /** Workers of the serving generation that are not leaving, and how many are just being spawned. */
  readonly workers: readonly WorkerView[];
  readonly spawning: number;
  /** How many more processes `process.max` leaves to this pool. */
  readonly allowance: number;
  /** The generation that a reload brings up: its size, and how many of it were asked for; null: no reload. */
  readonly nextGeneration: { readonly size: number; readonly requested: number } | null;
}

export interface Policy {
  readonly mode: 'static';
  /** The number of workers: max_children, or what `scale` said. */
  readonly size: number;
  /** Workers a second. */
  readonly maxSpawnRate: number;
}

export interface Memory {
  readonly restart: RestartMemory;
  /** Spawns that the rate allows now, refilled as time passes up to a second's worth. */
  readonly spawnTokens: number;
  readonly tokensAtMs: number;
}

export type Action =
  | { readonly type: 'spawn'; readonly count: number; readonly generation: 'serving' | 'next' }
  | { readonly type: 'retire'; readonly pid: number };

export type Why =
  | 'below-size'
  | 'above-size'
  | 'backing-off'
  | 'one-to-try'
  | 'spawn-rate'
  | 'process-max'
  | 'reload';

export interface Decision {
  readonly actions: readonly Action[];
  readonly memory: Memory;
  readonly why: readonly Why[];
}

export function decide(snapshot: Snapshot, policy: Policy, before: Memory): Decision {
  const memory = refill(before, policy, snapshot.nowMs);
  const excess = snapshot.workers.length + snapshot.spawning - policy.size;
  if (excess > 0) return retire(snapshot, excess, memory);
  const wish = wanted(snapshot, memory, -excess);
  const count = Math.max(0, Math.min(wish.count, Math.floor(memory.spawnTokens), snapshot.allowance));
  const why: Why[] = [...wish.why];
  if (wish.count > Math.floor(memory.spawnTokens)) why.push('spawn-rate');
  if (wish.count > snapshot.allowance) why.push('process-max');
  if (count === 0) return { actions: [], memory, why };
  return {
    actions: [{ type: 'spawn', count, generation: wish.generation }],
    memory: { ...memory, spawnTokens: memory.spawnTokens - count },
    why,
  };
}

interface Wish {
  readonly count: number;
  readonly generation: 'serving' | 'next';
  readonly why: readonly Why[];
}

/** The serving generation comes first: a reload must not keep it from being whole. */
function wanted(snapshot: Snapshot, memory: Memory, missing: number): Wish {
  const { restart } = memory;
  if (missing > 0 && snapshot.nowMs < restart.notBeforeMs) return next(snapshot, ['backing-off']);
  if (missing === 0) return next(snapshot, []);
  const isTrying = restart.failedAttempts > 0 && !snapshot.workers.some(worker => worker.isReady);
  if (!isTrying) return { count: missing, generation: 'serving', why: ['below-size'] };
  // The last ones died: one worker shows whether the command works now, before the others follow.
  const alone = snapshot.workers.length + snapshot.spawning === 0 ? 1 : 0;
  return alone === 1
    ? { count: 1, generation: 'serving', why: ['one-to-try'] }
    : next(snapshot, ['one-to-try']);
}

function next(snapshot: Snapshot, why: readonly Why[]): Wish {
  const { size, requested } = snapshot.nextGeneration ?? { size: 0, requested: 0 };
  const count = Math.max(0, size - requested);
  return { count, generation: 'next', why: count > 0 ? [...why, 'reload'] : why };
}

/** The youngest go first: they have the least in their caches. Those that are just being spawned come next time. */
function retire(snapshot: Snapshot, excess: number, memory: Memory): Decision {
  const leaving = snapshot.workers.toSorted((a, b) => b.startedAtMs - a.startedAtMs).slice(0, excess);
  return { actions: leaving.map(({ pid }) => ({ type: 'retire', pid })), memory, why: ['above-size'] };
}

function refill(memory: Memory, policy: Policy, nowMs: number): Memory {
  const gained = (Math.max(0, nowMs - memory.tokensAtMs) / 1000) * policy.maxSpawnRate;
  const spawnTokens = Math.min(policy.maxSpawnRate, memory.spawnTokens + gained);
  return { ...memory, spawnTokens, tokensAtMs: nowMs };
}
