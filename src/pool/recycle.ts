/**
 * Replaces workers that have used too much memory or are too old: first another one is started in its place, then it
 * leaves through the door that all workers leave by (retire.ts).
 */
import type { Worker } from '../worker/worker.ts';
import type { Draft } from './draft.ts';
import type { Observation } from './observation.ts';
import { isOursToReplace } from './pool-listener.ts';
import { isWanted, type Outgoing, type PoolState, presenceOf, readyOf, stayingOf } from './pool-state.ts';
import { type Due, placesAtOnce, whoIsDue } from './recycling.ts';
import { leave, leaveIdle, NO_IDLE_MOMENT_MS } from './retire.ts';
import { mayBeginByItself, requestRollout } from './rollout.ts';
import { becauseOf, describeReason } from './scaling/why.ts';

export function recycle(draft: Draft, seen: Observation): void {
  const { state } = draft;
  if (!isWanted(state) || (!isRecycling(state) && state.retiring.outgoing.size === 0)) return;
  const ready = readyOf(state, state.generation);
  forget(draft, isRecycling(state) ? ready : []);
  if (!isRecycling(state) || state.rollout !== null) return;
  const isStuck = sendAway(draft, ready, seen);
  if (isStuck && isOursToReplace(state.config)) {
    if (mayBeginByItself(state, draft.nowMs)) requestRollout(draft, null);
    return;
  }
  choose(draft, seen);
}

/** Its workers are to be replaced for their memory or their age. */
export function isRecycling({ config: { pm } }: PoolState): boolean {
  return pm.maxMemoryBytes > 0 || pm.maxLifetimeMs > 0;
}

function forget(draft: Draft, ready: readonly Worker[]): void {
  const pids = new Set(ready.map(({ pid }) => pid));
  const { outgoing: before } = draft.state.retiring;
  const outgoing = new Map([...before].filter(([pid]) => pids.has(pid)));
  if (outgoing.size < before.size) draft.setRetiring({ outgoing });
}

/** @returns whether a worker was to leave for so long and had no idle moment */
function sendAway(draft: Draft, ready: readonly Worker[], { accepted }: Observation): boolean {
  const { state, nowMs } = draft;
  const isFilling = presenceOf(state).starting > 0 || state.health.restart.failedAttempts > 0;
  let isStuck = false;
  for (const worker of ready) {
    const before = draft.state.retiring.outgoing.get(worker.pid);
    // The turn after it was chosen, at the earliest: by then a successor is on its way where one is needed.
    if (before === undefined || before.sinceMs === nowMs) continue;
    if (before.triedSinceMs === null && isFilling) continue;
    const triedSinceMs = before.triedSinceMs ?? nowMs;
    setOutgoing(draft, worker.pid, { ...before, triedSinceMs });
    leaveIdle(draft, [worker], 1, accepted, before.reason);
    if (nowMs - triedSinceMs < NO_IDLE_MOMENT_MS) continue;
    isStuck = true;
    // Where no other generation can take over, it has its time like one that is told.
    if (!isOursToReplace(state.config)) leave(draft, worker, before.reason);
  }
  return isStuck;
}

function choose(draft: Draft, { memoryBytes }: Observation): void {
  const { state, nowMs } = draft;
  const { pm } = state.config;
  const { outgoing } = state.retiring;
  const ready = readyOf(state, state.generation);
  const leaving = state.workers.size - stayingOf(state, state.generation).length;
  const places = placesAtOnce(ready.length) - leaving - outgoing.size;
  if (places <= 0) return;
  const candidates = ready
    .filter(({ pid }) => !outgoing.has(pid))
    .map(({ pid, startedAtMs }) => ({ pid, startedAtMs, memoryBytes: memoryBytes.get(pid) ?? null }));
  const due = whoIsDue(candidates, pm, nowMs).slice(0, places);
  for (const it of due) announce(draft, it);
}

function announce(draft: Draft, { pid, why }: Due): void {
  const reason = why.code === 'max-memory' ? 'maxMemory' : 'maxLifetime';
  setOutgoing(draft, pid, { reason, sinceMs: draft.nowMs, triedSinceMs: null });
  draft.explain('replace a worker', [becauseOf(why)]);
  draft.report({ type: 'recycling', pool: draft.name, pid, reason: describeReason(why) });
}

function setOutgoing(draft: Draft, pid: number, outgoing: Outgoing): void {
  draft.setRetiring({ outgoing: new Map(draft.state.retiring.outgoing).set(pid, outgoing) });
}
