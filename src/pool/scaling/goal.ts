/** Between which numbers of workers a pool should be now, before anything holds it back. Pure. */
import { type Demand, isWatchedLongEnough, peakOf } from './demand.ts';
import { type DynamicPolicy, fixedSize, neededFor, type Policy } from './policy.ts';
import type { Reason, SizedBy } from './why.ts';

/** What is looked at; a part of the snapshot that `decide` takes. */
export interface Sight {
  readonly nowMs: number;
  /** Workers of the serving generation that are not leaving: ready, and starting or just being spawned. */
  readonly ready: number;
  readonly starting: number;
  /**
   * Connections that are served, and that wait to be accepted. Somebody who knocked at the listener since the last look
   * counts as waiting, even when served by now. null: they cannot be seen.
   */
  readonly load: Load | null;
}

interface Load {
  readonly accepted: number;
  readonly waiting: number;
}

/** What `goalOf` has to know of the past. */
export interface Past {
  /** A dynamic pool had its start_servers once. */
  readonly isFilled: boolean;
  readonly demand: Demand;
  /** Since when its connections could not be seen; null: they can. */
  readonly blindSinceMs: number | null;
}

export interface Goal {
  /** With fewer workers, more are started. */
  readonly least: number;
  /** With more, idle ones are retired. */
  readonly most: number;
  /** Above this, busy ones are retired, too. */
  readonly limit: number;
  /** What is started even when memory is short, and what process.max leaves to every pool first. */
  readonly minimum: number;
  /** What the rule called for before max_children cut it. */
  readonly wanted: number;
  /** The same for the peak demand of the last process_idle_timeout. */
  readonly wantedAtPeak: number;
  /** Why more are to be started, or some retired, when the number is not between the two. */
  readonly whyMore: Reason;
  readonly whyFewer: Reason;
  /** Why idle workers stay that the rule would retire, if there were no past. */
  readonly whyKept: Reason | null;
}

export function goalOf(sight: Sight, policy: Policy, past: Past): Goal {
  const size = fixedSize(policy);
  if (size !== null) return fixed(sight, size, sizedBy(policy));
  return sight.load === null ? blind(sight, policy, past) : byDemand(sight, sight.load, policy, past);
}

function sizedBy({ scaledTo, isPaused }: Policy): SizedBy {
  if (isPaused) return 'pause';
  return scaledTo === null ? 'max_children' : 'scale';
}

function fixed(sight: Sight, size: number, by: SizedBy): Goal {
  const numbers = { present: sight.ready + sight.starting, size, by };
  return {
    ...same(size),
    minimum: size,
    whyMore: { code: 'below-size', ...numbers },
    whyFewer: { code: 'above-size', ...numbers },
    whyKept: null,
  };
}

/**
 * Its connections cannot be seen. For a moment (a look that failed) the pool stays as it is. Whoever is blind for longer
 * than process_idle_timeout gets max_children, which the administrator has said the machine can bear: with fewer, a
 * loaded pool would starve and nobody would know.
 */
function blind(sight: Sight, policy: Policy, past: Past): Goal {
  const present = sight.ready + sight.starting;
  const blindMs = sight.nowMs - (past.blindSinceMs ?? sight.nowMs);
  const { maxChildren } = policy;
  const minimum = Math.min(maxChildren, policy.mode === 'dynamic' ? atLeast(policy, past) : 1);
  const least = blindMs >= policy.idleTimeoutMs ? maxChildren : minimum;
  return {
    ...same(least),
    most: maxChildren,
    limit: maxChildren,
    minimum,
    whyMore: { code: 'load-unknown', present, size: least },
    whyFewer: { code: 'above-size', present, size: maxChildren, by: 'max_children' },
    whyKept: null,
  };
}

function byDemand(sight: Sight, load: Load, policy: Policy, past: Past): Goal {
  const { maxChildren, idleTimeoutMs } = policy;
  const isDynamic = policy.mode === 'dynamic';
  const spare = isDynamic ? { min: policy.minSpare, max: policy.maxSpare } : { min: 0, max: 0 };
  const present = sight.ready + sight.starting;
  const needed = neededFor(load.accepted + load.waiting, policy);
  const peak = Math.max(needed, neededFor(peakOf(past.demand), policy));
  const minimum = isDynamic ? atLeast(policy, past) : Math.min(1, needed);
  const wanted = Math.max(minimum, needed + spare.min);
  const mostByRule = Math.max(wanted, needed + spare.max);
  // With less than the peak and its spare, the same burst would have to start workers again.
  const mostByPeak = Math.max(mostByRule, peak + spare.min);
  const isWatched = isWatchedLongEnough(past.demand, sight.nowMs, idleTimeoutMs);
  const most = Math.min(maxChildren, isWatched ? mostByPeak : Math.max(mostByRule, present));
  const numbers = { ...load, needed, present };
  const excess = Math.min(present, most) - mostByRule;
  return {
    least: Math.min(maxChildren, wanted),
    most,
    limit: maxChildren,
    minimum: Math.min(maxChildren, minimum),
    wanted,
    wantedAtPeak: peak + spare.min,
    whyMore:
      wanted > needed + spare.min
        ? { code: 'first-fill', present, startServers: wanted }
        : { code: 'demand', ...numbers, spare: spare.min },
    whyFewer:
      present > maxChildren
        ? { code: 'above-size', present, size: maxChildren, by: 'max_children' }
        : { code: 'idle-excess', ...numbers, spare: spare.max, peak, idleTimeoutMs },
    whyKept: excess > 0 ? kept(excess, isWatched, peak, idleTimeoutMs) : null,
  };
}

/** What a dynamic pool has without any demand. */
function atLeast({ startServers, minSpare }: DynamicPolicy, { isFilled }: Past): number {
  return isFilled ? minSpare : Math.max(startServers, minSpare);
}

function kept(excess: number, isWatched: boolean, peak: number, idleTimeoutMs: number): Reason {
  if (isWatched) return { code: 'kept-for-peak', excess, peak, idleTimeoutMs };
  return { code: 'watched-too-short', excess, idleTimeoutMs };
}

/** The same with at most so many workers: where there is no room for two generations, the others give way. */
export function makeRoom(goal: Goal, limit: number | null, present: number): Goal {
  if (limit === null) return goal;
  const least = Math.min(goal.least, limit);
  const capped = { least, most: Math.max(least, Math.min(goal.most, limit)), limit };
  const count = Math.max(0, present - limit);
  return { ...goal, ...capped, whyFewer: { code: 'room-for-reload', count }, whyKept: null };
}

/** A goal that does not depend on the load. */
function same(size: number): Pick<Goal, 'least' | 'most' | 'limit' | 'wanted' | 'wantedAtPeak'> {
  return { least: size, most: size, limit: size, wanted: size, wantedAtPeak: size };
}
