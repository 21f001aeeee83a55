/** The workers of a pool: what the keeper tells of them, what was seen of them, and what their ends mean. */
import type { PoolConfig } from '../config/types.ts';
import type { WorkerPhase } from '../worker/lifecycle.ts';
import { afterLook, hasFailed, isStartTimeUp, isStaying, newWorker, type Worker } from '../worker/worker.ts';
import { isCrash } from './crash-storm.ts';
import type { Draft } from './draft.ts';
import { afterCrashOf, afterReady, afterTime, afterWorkerDeath, type Death, type Health } from './health.ts';
import type { ExitSight, KeeperNews, Observation, SpawnNews } from './observation.ts';
import { isFailed, isTaking, isWanted, presenceOf, readyOf, sizeOf, spawningOf } from './pool-state.ts';
import { forgetLeaving, leave } from './retire.ts';
import { cancelRollout } from './rollout.ts';

/** A worker that has no request, or no time left, and does not heed its stop signal is killed after this. */
const KILL_AFTER_MS = 1000;

/** Asks for workers of a generation. */
export function spawn(draft: Draft, which: 'serving' | 'next', count: number): void {
  const { state } = draft;
  const { rollout } = state;
  const made = which === 'serving' ? state : rollout;
  if (made === null || count === 0) return;
  const { generation, config, listener } = made;
  const spawning = new Map(state.spawning).set(generation, spawningOf(state, generation) + count);
  draft.set({ spawning });
  if (which === 'next' && rollout !== null)
    draft.set({ rollout: { ...rollout, requested: rollout.requested + count } });
  draft.act({ type: 'spawn', generation, config, listener, count });
}

export function takeSpawned(draft: Draft, news: SpawnNews): void {
  const { generation, listenerInode, config, askedAtMs, asked, pids, failure } = news;
  const left = spawningOf(draft.state, generation) - asked;
  const spawning = new Map(draft.state.spawning);
  if (left > 0) spawning.set(generation, left);
  else spawning.delete(generation);
  draft.set({ spawning });
  for (const pid of pids) {
    const born = { pid, generation, startedAtMs: askedAtMs, listenerInode, startedWith: config };
    draft.setWorker(newWorker(born));
    draft.report({ type: 'spawned', pool: draft.name, pid, generation });
  }
  if (failure !== null) spawnFailed(draft, generation, failure, askedAtMs);
}

function spawnFailed(draft: Draft, generation: number, message: string, startedAtMs: number): void {
  draft.report({ type: 'spawnFailed', pool: draft.name, message });
  draft.set({ health: { ...draft.state.health, lastFailure: message, lastExit: null } });
  if (generation === draft.state.rollout?.generation) cancelRollout(draft, message);
  else if (generation === draft.state.generation)
    countDeath(draft, { startedAtMs, wasReady: false, isStartTimeout: false });
}

export function takeExited(
  draft: Draft,
  { pid, exit }: Extract<KeeperNews, { type: 'exited' }>,
  sight: ExitSight,
): void {
  const before = draft.state.workers.get(pid);
  if (before === undefined) return;
  draft.setWorker({ ...before, exit });
  const after = draft.happen(pid, { type: 'exited' });
  if (after?.isEnded !== true) return;
  const { worker } = after;
  const uptimeMs = Math.round(draft.nowMs - worker.startedAtMs);
  const reason = worker.reason ?? 'ended';
  const isUnasked = reason === 'ended';
  const memory = isUnasked ? sight.memory : null;
  const inStorm = isUnasked && isCrash(exit.signal) && crashed(draft, exit.signal ?? '');
  draft.report({
    type: 'exited',
    pool: draft.name,
    pid,
    exit,
    uptimeMs,
    reason,
    memory: memory?.text ?? null,
    inStorm,
  });
  if (isUnasked && exit.code === 0 && sight.hasServed) recycled(draft, worker);
  // How it ended was told to a keeper that is gone: what is not known is not held against it.
  const isUnknown = exit.code === null && exit.signal === null;
  if ((isUnasked && !isUnknown && !(exit.code === 0 && sight.hasServed)) || reason === 'startTimeout')
    died(draft, worker, sight);
}

/** A worker has served and ended with 0, as php-cgi does after max_requests: it is replaced, and nothing is wrong. */
function recycled(draft: Draft, worker: Worker): void {
  const { rollout } = draft.state;
  draft.set({ recycledAtMs: draft.nowMs });
  if (rollout !== null && worker.generation === rollout.generation)
    draft.set({ rollout: { ...rollout, requested: rollout.requested - 1 } });
}

export function takeGone(draft: Draft, pid: number): void {
  const worker = draft.state.workers.get(pid);
  if (worker === undefined) return;
  forgetLeaving(draft, pid);
  draft.happen(pid, { type: 'gone' });
  draft.removeWorker(pid);
  const { counters } = draft.state;
  const crashed = counters.crashed + (hasFailed(worker) ? 1 : 0);
  draft.set({ counters: { ...counters, exited: counters.exited + 1, crashed } });
  draft.act({ type: 'forget', pid, state: draft.state });
}

/** Takes what was seen of workers on their way in or out, and ends those whose time is over. */
export function moveWorkers(draft: Draft, { workers: seen, mayTimeOut, nowMs }: Observation): void {
  const { config } = draft.state;
  for (const worker of draft.state.workers.values()) {
    const { pid, phase, sinceMs } = worker;
    if (seen.lookedAt.has(pid)) draft.setWorker(afterLook(worker, nowMs));
    if (seen.arrived.has(pid)) draft.happen(pid, { type: 'accepting' });
    else if (seen.deaf.has(pid)) remind(draft, worker);
    else if (!mayTimeOut) continue;
    else if (phase === 'starting') {
      // It may accept since the last look, and have a request by now.
      if (isStartTimeUp(worker, config, nowMs) && seen.lookedAt.has(pid))
        draft.happen(pid, { type: 'startTimedOut' });
    } else if (phase === 'draining') {
      if (nowMs - sinceMs >= config.processControlTimeoutMs) draft.happen(pid, { type: 'drainTimedOut' });
    } else if (isOutOfTime(phase, nowMs - sinceMs, config)) draft.happen(pid, { type: 'stopTimedOut' });
  }
}

/**
 * A worker that sleeps in accept after its stop signal has missed it: libfcgi gives up a request that a signal
 * interrupts, and php-cgi and others look at their flag before they accept, not while. It is told again.
 */
function remind(draft: Draft, { pid, startedWith }: Worker): void {
  draft.act({ type: 'signal', pid, signal: (startedWith ?? draft.state.config).stopSignal });
}

function isOutOfTime(phase: WorkerPhase, forMs: number, config: PoolConfig): boolean {
  if (phase === 'ending') return forMs >= KILL_AFTER_MS;
  return (phase === 'stopping' || phase === 'leaving') && forMs >= config.processControlTimeoutMs;
}

/** Sends away those that the pool's desired state has no place for. */
export function sendAwayUnwanted(draft: Draft): void {
  const { state } = draft;
  const { generation, rollout, stopsNow } = state;
  for (const worker of state.workers.values()) {
    if (!isStaying(worker)) continue;
    const hasServed = worker.generation <= generation;
    if (!isWanted(state) && stopsNow) draft.leave(worker.pid, 'kill', 'poolStopped');
    else if (!hasServed && worker.generation !== rollout?.generation) cancel(draft, worker);
    else if (!isWanted(state)) leave(draft, worker, 'poolStopped');
    else if (worker.generation < generation) leave(draft, worker, 'replaced');
  }
}

/** Nobody could come to a listener of its own that was not published: its workers are simply told. */
function cancel(draft: Draft, worker: Worker): void {
  const { listener } = draft.state;
  if (worker.listenerInode === (listener?.inode ?? null)) leave(draft, worker, 'cancelled');
  else draft.leave(worker.pid, 'stop', 'cancelled');
}

/** What it means that workers are ready, or that time has passed. */
export function noticeHealth(draft: Draft): void {
  const { state, nowMs, name } = draft;
  const ready = readyOf(state, state.generation);
  let health = ready.reduce((now, { startedAtMs }) => afterReady(now, startedAtMs, nowMs), state.health);
  const { storm } = health.storm;
  health = afterTime(health, nowMs);
  if (storm !== null && health.storm.storm === null) {
    const forMs = Math.round(storm.lastMs - storm.sinceMs);
    draft.report({ type: 'crashStormOver', pool: name, crashes: storm.crashes, forMs });
  }
  if (health !== state.health) draft.set({ health });
  if (state.hasBeenWhole || !isWanted(state) || state.listening !== 'open' || isTaking(state)) return;
  if (ready.length < sizeOf(state)) return;
  draft.set({ hasBeenWhole: true, health: { ...health, isStartTimedOut: false } });
  draft.report({ type: 'poolRunning', pool: name, workers: ready.length });
}

/** A worker ended that nobody had asked to, or that never became ready. */
function died(draft: Draft, worker: Worker, sight: ExitSight): void {
  const { startTimeoutMs } = worker.startedWith ?? draft.state.config;
  const lastFailure = failureText(worker, sight.leftBehind, draft.nowMs, startTimeoutMs);
  const isStartTimeout = worker.reason === 'startTimeout';
  draft.set({
    health: { ...draft.state.health, lastFailure, lastExit: isStartTimeout ? null : worker.exit },
  });
  if (worker.generation === draft.state.rollout?.generation) cancelRollout(draft, lastFailure);
  else if (worker.generation === draft.state.generation) {
    // Somebody else killed it, which says nothing about its command: one that kills itself as it starts gets none ready.
    const isKilled =
      sight.memory?.isRuledOut === true && (worker.wasReady || presenceOf(draft.state).ready > 0);
    if (!isKilled) countDeath(draft, { ...worker, isStartTimeout });
  }
}

function countDeath(draft: Draft, death: Death): void {
  const { state, nowMs, name } = draft;
  const wasFailed = isFailed(state);
  const { restart: before } = state.health;
  const health = afterWorkerDeath(state.health, death, nowMs);
  draft.set({ health });
  const { failedAttempts: attempts, notBeforeMs } = health.restart;
  if (health.restart !== before && notBeforeMs > nowMs) {
    const delayMs = Math.round(notBeforeMs - nowMs);
    draft.report({ type: 'backingOff', pool: name, attempts, delayMs });
  }
  if (!wasFailed && isFailed(draft.state))
    draft.report({ type: 'poolFailed', pool: name, reason: health.lastFailure });
}

/** @returns whether the crash is one of many, which are reported as one */
function crashed(draft: Draft, signal: string): boolean {
  const { health } = draft.state;
  const wasStorm = health.storm.storm !== null;
  const after: Health = afterCrashOf(health, draft.nowMs);
  draft.set({ health: after });
  const { storm } = after.storm;
  if (storm === null || wasStorm) return wasStorm;
  const withinMs = Math.round(draft.nowMs - storm.sinceMs);
  draft.report({ type: 'crashStorm', pool: draft.name, signal, crashes: storm.crashes, withinMs });
  return true;
}

function failureText(worker: Worker, leftBehind: string, nowMs: number, startTimeoutMs: number): string {
  const { pid, exit, reason, startedAtMs } = worker;
  if (reason === 'startTimeout')
    return `worker ${pid} did not accept on its listener within start_timeout (${startTimeoutMs} ms)`;
  const how = exit?.signal ?? `code ${exit?.code}`;
  const ended = `worker ${pid} ended with ${how} ${Math.round(nowMs - startedAtMs)} ms after its start`;
  if (leftBehind === '') return `${ended}; its output is in the log`;
  return `${ended}, and ${leftBehind} has its listener: it seems to have gone into the background. Run it in the foreground (many programs have an option for that), and end what it left`;
}
