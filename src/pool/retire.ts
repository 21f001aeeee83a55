/**
 * The door through which workers leave: scale-down, recycling, reload and stop all come here, and the rule that holds
 * for a worker (worker/retirement.ts) says how.
 */
import type { PoolConfig } from '../config/types.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { FreezeOutcome } from '../worker/freeze.ts';
import { FROZEN, type RetirementRule, RULES, retirementRule } from '../worker/retirement.ts';
import { happen, tagOf, type Worker, youngestFirst } from '../worker/worker.ts';
import type { Candidate } from './action.ts';
import type { Draft } from './draft.ts';
import type { KeeperNews } from './observation.ts';
import { isOursToReplace } from './pool-listener.ts';
import { isClosing, stayingOf } from './pool-state.ts';
import { mayBeginByItself, requestRollout } from './rollout.ts';

/** So many are frozen at once: the others continue to serve. */
const MOST_FROZEN = 4;
/** Where workers that should leave have no idle moment for so long, a new generation takes over. */
export const NO_IDLE_MOMENT_MS = 2000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

/** It leaves as soon as it may, and after process_control_timeout in any case. */
export function leave(draft: Draft, worker: Worker, reason: LeaveReason): void {
  const rule = ruleFor(worker, draft.state.config, isClosing(draft.state, worker.listenerInode));
  draft.leave(worker.pid, rule === 'none' || rule === 'tell' ? 'stop' : 'drain', reason);
  explain(draft, `a worker is to leave (${reason})`, rule, RULES[rule]);
}

function ruleFor(worker: Worker, config: PoolConfig, isListenerClosing: boolean): RetirementRule {
  const { stopIsGraceful } = worker.startedWith ?? config;
  const hasListener = worker.listenerInode !== null;
  return retirementRule({ hasListener, isListenerClosing, isGraceful: stopIsGraceful });
}

/**
 * Sends away so many of them, the idle ones first; none that somebody else has stopped or traces. A busy one leaves
 * only when its program finishes its request; otherwise a worker that turns out to be busy stays.
 * @param accepted connections of the listener at the last look; null: not seen
 */
export function leaveIdle(
  draft: Draft,
  workers: readonly Worker[],
  count: number,
  accepted: ReadonlySet<number> | null,
  reason: LeaveReason,
): void {
  const { config, retiring } = draft.state;
  const candidates = youngestFirst(workers)
    .filter(({ pid }) => isDue(draft, pid))
    .map((worker): Candidate => {
      const rule = ruleFor(worker, config, false);
      return { worker, rule: rule === 'drain' ? 'tell' : rule, isFrozen: retiring.frozen.has(worker.pid) };
    });
  if (candidates.length > 0 && count > 0) draft.act({ type: 'choose', candidates, count, accepted, reason });
}

/** What became of `leaveIdle`. */
export function takeChosen(draft: Draft, news: Extract<KeeperNews, { type: 'chosen' }>): void {
  for (const pid of news.spared) pause(draft, pid, 'spared');
  for (const pid of news.told) {
    const worker = draft.state.workers.get(pid);
    if (worker === undefined) continue;
    const rule = ruleFor(worker, draft.state.config, isClosing(draft.state, worker.listenerInode));
    draft.leave(pid, 'stop', news.reason);
    explain(draft, `a worker leaves (${news.reason})`, rule, RULES[rule]);
  }
  for (const pid of news.toFreeze) freeze(draft, pid, news.reason);
}

/** Looks again at those that are to leave and were busy, where their listener still gets connections. */
export function retryLeaving(draft: Draft): void {
  for (const { pid, phase, listenerInode, reason } of draft.state.workers.values()) {
    if (phase !== 'draining' || listenerInode === null || isClosing(draft.state, listenerInode)) continue;
    if (isDue(draft, pid)) freeze(draft, pid, reason ?? 'replaced');
  }
}

function freeze(draft: Draft, pid: number, reason: LeaveReason): void {
  const worker = draft.state.workers.get(pid);
  const { frozen } = draft.state.retiring;
  if (worker === undefined || worker.listenerInode === null) return;
  if (frozen.has(pid) || frozen.size >= MOST_FROZEN) return;
  draft.setRetiring({ frozen: new Set([...frozen, pid]) });
  const { name, nowMs } = draft;
  const leaving = happen(worker, { type: 'drain', reason }, nowMs).worker;
  draft.act({
    type: 'freeze',
    pid,
    listenerInode: worker.listenerInode,
    reason,
    leaving: tagOf(leaving, name),
  });
}

export function takeThawed(
  draft: Draft,
  { pid, outcome, reason }: Extract<KeeperNews, { type: 'thawed' }>,
): void {
  const frozen = new Set(draft.state.retiring.frozen);
  frozen.delete(pid);
  draft.setRetiring({ frozen });
  explain(draft, `a worker was frozen (${reason})`, outcome, FROZEN[outcome]);
  if (outcome === 'killed') {
    draft.happen(pid, { type: 'killedIdle', reason });
    return;
  }
  pause(draft, pid, outcome);
  const worker = draft.state.workers.get(pid);
  if (worker !== undefined) draft.act({ type: 'tag', pid, tag: tagOf(worker, draft.name) }); // not killed after all
}

/** Nothing is left of it. */
export function forgetLeaving(draft: Draft, pid: number): void {
  if (!draft.state.retiring.attempts.has(pid)) return;
  const attempts = new Map(draft.state.retiring.attempts);
  attempts.delete(pid);
  draft.setRetiring({ attempts });
}

/**
 * Workers that are too many: idle ones leave, and where none ever is idle, a generation does.
 * @param isDue they have been too many for long enough: where none has an idle moment, it leaves without
 */
export function retireSurplus(
  draft: Draft,
  count: number,
  isDue: boolean,
  accepted: ReadonlySet<number> | null,
): void {
  const { state, nowMs } = draft;
  const staying = stayingOf(state, state.generation);
  leaveIdle(draft, staying, count, accepted, 'scaledDown');
  const { stuck: before } = state.retiring;
  const present = staying.length;
  const isNews = before === null || present < before.present;
  const stuck = isDue ? (isNews ? { sinceMs: nowMs, present } : before) : null;
  draft.setRetiring({ stuck });
  if (stuck === null || nowMs - stuck.sinceMs < NO_IDLE_MOMENT_MS) return;
  draft.setRetiring({ stuck: null });
  if (mayBeginByItself(state, nowMs) && isOursToReplace(state.config)) requestRollout(draft, null);
  else for (const worker of youngestFirst(staying).slice(0, count)) leave(draft, worker, 'scaledDown');
}

/** None are too many. */
export function noSurplus(draft: Draft): void {
  if (draft.state.retiring.stuck !== null) draft.setRetiring({ stuck: null });
}

function isDue(draft: Draft, pid: number): boolean {
  return (draft.state.retiring.attempts.get(pid)?.notBeforeMs ?? 0) <= draft.nowMs;
}

function pause(draft: Draft, pid: number, outcome: FreezeOutcome): void {
  const { attempts } = draft.state.retiring;
  const before = attempts.get(pid)?.pauseMs ?? FIRST_PAUSE_MS / 2;
  const pauseMs = outcome === 'busy' ? Math.min(LONGEST_PAUSE_MS, before * 2) : LONGEST_PAUSE_MS;
  draft.setRetiring({
    attempts: new Map(attempts).set(pid, { notBeforeMs: draft.nowMs + pauseMs, pauseMs }),
  });
}

function explain(draft: Draft, what: string, code: string, text: string): void {
  draft.explain(what, [{ code, text, numbers: {} }]);
}
