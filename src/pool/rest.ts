/** How soon a pool must be looked at again, as far as nothing happens: cost follows what changes. Pure. */
import { isPassing } from '../worker/worker.ts';
import type { Observation } from './observation.ts';
import {
  countOf,
  heldSize,
  isClosed,
  isEmpty,
  isObstructed,
  isTaking,
  isWanted,
  type PoolState,
  presenceOf,
} from './pool-state.ts';
import { isRecycling } from './recycle.ts';

/** Ten looks a second; more while workers come and go, which are looked at until they have. */
const LOOK_MS = 100;
const HURRIED_LOOK_MS = 20;
/** Where nobody is served: the keeper reports a queue, and a client that is served at once is seen a moment later. */
const IDLE_LOOK_MS = 500;
const IDLE_TIMED_LOOK_MS = 250;
/** Of a pool whose size does not follow its load. */
const RESTING_LOOK_MS = 1000;
const FIXED_IDLE_LOOK_MS = 2000;

export interface NextLook {
  /** By the clock of the observation; Infinity: when something happens. */
  readonly atMs: number;
  /** The keeper is to report when a connection waits. */
  readonly isWatched: boolean;
  /** As long as nobody comes and nothing happens a glance is enough, so often; null: it is not. */
  readonly glanceEveryMs: number | null;
}

const AT_REST: NextLook = { atMs: Number.POSITIVE_INFINITY, isWatched: false, glanceEveryMs: null };

export function nextLook(state: PoolState, { nowMs, load, isBlind }: Observation): NextLook {
  if (isClosed(state) || (isObstructed(state) && isEmpty(state))) return AT_REST;
  if (isBlind) return { ...AT_REST, atMs: onGrid(nowMs, LOOK_MS) };
  if (!isCalm(state))
    return { ...AT_REST, atMs: Math.min(hurriedLook(state, nowMs), onGrid(nowMs, LOOK_MS)) };
  const { requestSlowlogTimeoutMs, requestTerminateTimeoutMs } = state.config;
  const isTimed = requestSlowlogTimeoutMs > 0 || requestTerminateTimeoutMs > 0;
  const hasSize = isFixed(state);
  const isNobody = load !== null && load.accepted + load.waiting === 0;
  const isWatched = isNobody && state.listener?.isLost === false;
  // Nobody else would accept: the keeper sees each client.
  if (isWatched && state.workers.size === 0) return { ...AT_REST, isWatched };
  if (!isWatched) return { ...AT_REST, atMs: onGrid(nowMs, hasSize && !isTimed ? RESTING_LOOK_MS : LOOK_MS) };
  const everyMs = isTimed ? IDLE_TIMED_LOOK_MS : hasSize ? FIXED_IDLE_LOOK_MS : IDLE_LOOK_MS;
  const glanceEveryMs = isRecycling(state) ? null : everyMs;
  return { atMs: onGrid(nowMs, everyMs), isWatched, glanceEveryMs };
}

/** Its size does not follow its load. */
export function isFixed(state: PoolState): boolean {
  return state.config.pm.mode === 'static' || heldSize(state) !== null;
}

/** A worker that starts says itself when it is to be looked at; one that has nothing in flight is soon to be told. */
function hurriedLook({ workers }: PoolState, nowMs: number): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const worker of workers.values()) {
    if (worker.phase === 'starting') atMs = Math.min(atMs, Math.max(worker.nextLookMs, nowMs + 1));
    else if (isPassing(worker, nowMs)) atMs = Math.min(atMs, nowMs + HURRIED_LOOK_MS);
  }
  return atMs;
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
export function onGrid(nowMs: number, everyMs: number): number {
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}
