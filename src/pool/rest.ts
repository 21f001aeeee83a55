/** How soon a pool must be looked at again, as far as nothing happens: cost follows what changes. Pure. */
import { isHurried } from './observation/observer.ts';
import type { Observation } from './observation.ts';
import { countOf, isClosed, isTaking, isWanted, type PoolState, presenceOf } from './state.ts';

/** DESIGN section 5: ten looks a second; more while workers come and go, which are looked at until they have. */
const LOOK_MS = 100;
const HURRIED_LOOK_MS = 20;
/** Where nobody is served: the keeper reports a queue, and a client that is served at once is seen a moment later. */
const IDLE_LOOK_MS = 500;
const IDLE_TIMED_LOOK_MS = 250;
/** Of a pool whose size does not follow its load. */
const RESTING_LOOK_MS = 1000;

export interface NextLook {
  /** By the clock of the observation; Infinity: when something happens. */
  readonly atMs: number;
  /** The keeper is to report when a connection waits. */
  readonly isWatched: boolean;
}

export function nextLook(state: PoolState, { nowMs, load }: Observation): NextLook {
  if (isClosed(state)) return { atMs: Number.POSITIVE_INFINITY, isWatched: false };
  if (!isCalm(state)) {
    const atMs = isHurried(state, nowMs) ? nowMs + HURRIED_LOOK_MS : onGrid(nowMs, LOOK_MS);
    return { atMs, isWatched: false };
  }
  const { pm, requestSlowlogTimeoutMs, requestTerminateTimeoutMs } = state.config;
  const isTimed = requestSlowlogTimeoutMs > 0 || requestTerminateTimeoutMs > 0;
  const isFixed = pm.mode === 'static' || state.scaledTo !== null;
  const isNobody = load !== null && load.accepted + load.waiting === 0;
  const isWatched = isNobody && state.listener?.isLost === false;
  // Nobody else would accept: the keeper sees each client.
  if (isWatched && state.workers.size === 0) return { atMs: Number.POSITIVE_INFINITY, isWatched };
  const quietMs = isTimed ? IDLE_TIMED_LOOK_MS : isFixed ? RESTING_LOOK_MS : IDLE_LOOK_MS;
  const busyMs = isFixed && !isTimed ? RESTING_LOOK_MS : LOOK_MS;
  return { atMs: onGrid(nowMs, isWatched ? quietMs : busyMs), isWatched };
}

/** It is as it should be, and nothing is under way. */
export function isCalm(state: PoolState): boolean {
  const { listening, rollout, draining, retiring, health, isContent } = state;
  const isQuiet =
    isWanted(state) &&
    listening === 'open' &&
    !isTaking(state) &&
    state.listener?.isLost !== true &&
    rollout === null &&
    draining.length === 0 &&
    retiring.outgoing.size === 0 &&
    retiring.frozen.size === 0 &&
    health.restart.failedAttempts === 0 &&
    health.storm.storm === null;
  const { ready } = presenceOf(state);
  return isQuiet && isContent && countOf(state) === ready;
}

/** All pools are looked at in the same moments: one read of the kernel's tables serves them all. */
function onGrid(nowMs: number, everyMs: number): number {
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}
