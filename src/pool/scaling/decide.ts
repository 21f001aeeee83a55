/**
 * What a pool should do next, as a pure function (STYLE point 1): the snapshot and the policy come in, actions,
 * reasons and the memory for the next time go out. No clock, no chance, no effect in here. goal.ts says how many
 * workers there should be; this file says what is done about it now. docs/scaling.md tells the policy in words.
 */

import type { RestartMemory } from '../restart-limit.ts';
import { afterSight, type Demand, UNWATCHED } from './demand.ts';
import { type Goal, goalOf, makeRoom, type Sight } from './goal.ts';
import { fixedSize, neededFor, type Policy } from './policy.ts';
import { afterSpawns, type RecentSpawns, spawnsLeft } from './spawn-rate.ts';
import type { Reason } from './why.ts';

export interface Snapshot extends Sight {
  /** What the deaths of its workers say. */
  readonly restart: RestartMemory;
  /**
   * How many more processes its share of `process.max` leaves to this pool; below 0: how many of its own others need
   * (share.ts).
   */
  readonly allowance: number;
  /** Why nothing may be started above the minimum: free memory in words; null: there is enough. */
  readonly memoryShort: string | null;
  readonly nextGeneration: NextGeneration | null;
}

/** The generation that a reload brings up beside the serving one. */
export interface NextGeneration {
  readonly size: number;
  /** How many of it were asked for. */
  readonly requested: number;
  /** Where there is no room for both, the serving generation may have so many meanwhile; null: there is room. */
  readonly servingLimit: number | null;
  /** Places that workers of the serving generation have left for it. */
  readonly leftPlaces: number;
}

export interface Memory {
  /** The first fill is over. */
  readonly isFilled: boolean;
  /** An episode at max_children: it begins when this turns true, which is to be warned about and counted, once. */
  readonly isAtMax: boolean;
  readonly blindSinceMs: number | null;
  readonly demand: Demand;
  readonly recentSpawns: RecentSpawns;
}

/** A pool that has not run yet. */
export const NEW_POOL: Memory = {
  isFilled: false,
  isAtMax: false,
  blindSinceMs: null,
  demand: UNWATCHED,
  recentSpawns: [],
};

export type Action =
  | { readonly type: 'spawn'; readonly count: number; readonly generation: 'serving' | 'next' }
  /**
   * Which of them go is not decided here: idle ones. `isDue`: they are above a limit, so where nobody is ever idle, the
   * others have to go. Otherwise all wait until they are.
   */
  | { readonly type: 'retire'; readonly count: number; readonly isDue: boolean };

export interface Decision {
  readonly actions: readonly Action[];
  readonly memory: Memory;
  readonly why: readonly Reason[];
}

export function decide(snapshot: Snapshot, policy: Policy, before: Memory): Decision {
  const seen = look(snapshot, policy, before);
  const servingLimit = snapshot.nextGeneration?.servingLimit ?? null;
  const goal = makeRoom(goalOf(snapshot, policy, seen), servingLimit, snapshot.ready + snapshot.starting);
  const memory = { ...seen, isAtMax: isAtMax(before.isAtMax, goal, policy) };
  const leaving = isBeingReplaced(snapshot) ? null : retiring(snapshot, policy, goal);
  if (leaving !== null)
    return {
      actions: [{ type: 'retire', count: leaving.count, isDue: leaving.isDue }],
      memory,
      why: leaving.why,
    };
  return starting(snapshot, policy, goal, memory);
}

/** What share.ts divides process.max by. The generation that a reload brings up comes on top. */
export function claimOf(
  snapshot: Sight,
  policy: Policy,
  before: Memory,
): { minimum: number; wanted: number; wantedAtPeak: number } {
  const { minimum, least, wantedAtPeak } = goalOf(snapshot, policy, look(snapshot, policy, before));
  const cap = fixedSize(policy) ?? policy.maxChildren;
  return { minimum, wanted: least, wantedAtPeak: Math.max(least, Math.min(cap, wantedAtPeak)) };
}

/** What this look adds to what is known. */
function look({ nowMs, load }: Sight, policy: Policy, before: Memory): Memory {
  if (load === null) return { ...before, blindSinceMs: before.blindSinceMs ?? nowMs, demand: UNWATCHED };
  const demand = afterSight(before.demand, load.accepted + load.waiting, nowMs, policy.idleTimeoutMs);
  return { ...before, blindSinceMs: null, demand };
}

/** Until the peak of the last process_idle_timeout is below: a pool at its limit is not warned about ten times a second. */
function isAtMax(wasAtMax: boolean, goal: Goal, policy: Policy): boolean {
  if (!wasAtMax) return isBeyondMax(goal, policy);
  return fixedSize(policy) === null && goal.wantedAtPeak > policy.maxChildren;
}

/** A static pool, or one that was scaled, calls for no more than its size. */
function isBeyondMax(goal: Goal, policy: Policy): boolean {
  return fixedSize(policy) === null && goal.wanted > policy.maxChildren;
}

/** Beside it comes a generation for which there is room: it has the right size, and all of this one leave for it. */
function isBeingReplaced({ nextGeneration }: Snapshot): boolean {
  return nextGeneration !== null && nextGeneration.servingLimit === null;
}

interface Retiring {
  readonly count: number;
  readonly isDue: boolean;
  readonly why: readonly Reason[];
}

/** Whether some are to leave: what is above a limit in any case, otherwise only idle ones. */
function retiring(snapshot: Snapshot, policy: Policy, goal: Goal): Retiring | null {
  const { ready, starting, load, allowance } = snapshot;
  const present = ready + starting;
  const aboveLimit = present - goal.limit;
  if (aboveLimit > 0) return { count: aboveLimit, isDue: true, why: [goal.whyFewer] };
  const idle = load === null ? 0 : ready - neededFor(load.accepted + load.waiting, policy);
  const excess = Math.min(present - goal.most, idle);
  if (excess > 0) return { count: excess, isDue: false, why: [goal.whyFewer] };
  const returned = Math.min(-allowance, present);
  if (returned > 0)
    return { count: returned, isDue: false, why: [{ code: 'process-max-return', count: returned }] };
  return null;
}

function starting(snapshot: Snapshot, policy: Policy, goal: Goal, before: Memory): Decision {
  const present = snapshot.ready + snapshot.starting;
  const wish = wanted(snapshot, goal, goal.least - present);
  const isFilling = !before.isFilled && wish.generation === 'serving';
  const limits = limitsOn(wish, snapshot, policy, goal, isFilling ? null : before.recentSpawns);
  const count = Math.max(0, Math.min(wish.count, ...limits.map(({ left }) => left)));
  const memory: Memory = {
    ...before,
    isFilled: before.isFilled || snapshot.restart.failedAttempts > 0 || present + count >= goal.least,
    recentSpawns: afterSpawns(before.recentSpawns, isFilling ? 0 : count, snapshot.nowMs),
  };
  return {
    actions: count === 0 ? [] : [{ type: 'spawn', count, generation: wish.generation }],
    memory,
    why: [
      ...wish.why,
      ...(isBeyondMax(goal, policy) ? [maxChildren(snapshot, goal, policy)] : []),
      ...limits.filter(({ left }) => left < wish.count).map(({ reason }) => reason),
      ...(goal.whyKept === null ? [] : [goal.whyKept]),
    ],
  };
}

function maxChildren({ load }: Snapshot, { wanted }: Goal, policy: Policy): Reason {
  const needed = load === null ? wanted : neededFor(load.accepted + load.waiting, policy);
  return { code: 'max-children', needed, spare: wanted - needed, maxChildren: policy.maxChildren };
}

interface Wish {
  readonly count: number;
  readonly generation: 'serving' | 'next';
  readonly why: readonly Reason[];
}

/** The serving generation comes first: a reload must not keep it from being whole. */
function wanted(snapshot: Snapshot, goal: Goal, missing: number): Wish {
  const { nowMs, ready, starting } = snapshot;
  const { failedAttempts, notBeforeMs } = snapshot.restart;
  if (missing <= 0) return next(snapshot, []);
  if (nowMs < notBeforeMs) {
    return next(snapshot, [{ code: 'backing-off', failedAttempts, forMs: notBeforeMs - nowMs }]);
  }
  if (failedAttempts === 0 || ready > 0)
    return { count: missing, generation: 'serving', why: [goal.whyMore] };
  // The last ones died: one worker shows whether the command works now, before the others follow.
  const why: Reason[] = [{ code: 'one-to-try', failedAttempts }];
  return starting === 0 ? { count: 1, generation: 'serving', why } : next(snapshot, why);
}

function next({ nextGeneration }: Snapshot, why: readonly Reason[]): Wish {
  const missing = nextGeneration === null ? 0 : nextGeneration.size - nextGeneration.requested;
  if (missing <= 0) return { count: 0, generation: 'next', why };
  return { count: missing, generation: 'next', why: [...why, { code: 'reload', missing }] };
}

interface Limit {
  /** How many workers it leaves. */
  readonly left: number;
  readonly reason: Reason;
}

/** @param recent what max_spawn_rate counts; null: the first fill, which it does not hold back */
function limitsOn(
  { count: missing, generation }: Wish,
  snapshot: Snapshot,
  policy: Policy,
  goal: Goal,
  recent: RecentSpawns | null,
): Limit[] {
  const { nowMs, allowance, memoryShort: text, nextGeneration } = snapshot;
  const limits: Limit[] = [
    { left: Math.max(0, allowance), reason: { code: 'process-max', missing, allowance } },
  ];
  if (recent !== null) {
    const perSecond = policy.maxSpawnRate;
    const left = spawnsLeft(recent, perSecond, nowMs);
    limits.push({ left, reason: { code: 'spawn-rate', missing, left, perSecond } });
  }
  if (text !== null) {
    const { minimum } = goal;
    // A new generation may only take the place of what has left already.
    const left =
      generation === 'serving'
        ? minimum - snapshot.ready - snapshot.starting
        : (nextGeneration?.leftPlaces ?? 0) - (nextGeneration?.requested ?? 0);
    limits.push({ left, reason: { code: 'memory-short', missing, minimum, text } });
  }
  return limits;
}
