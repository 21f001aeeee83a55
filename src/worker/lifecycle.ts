/**
 * What a worker can be and what may happen to it, as a table (STYLE point 2). Busy and idle are observations,
 * not states; why a worker left is a field, not a state.
 */
import type { LeaveReason } from '../observe/events.ts';

/**
 * `draining`: it is to leave as soon as it is free, and was sent nothing yet; `stopping`: it was told, and may finish
 * what it has in hand; `ending`: it was told, and has nothing in hand or no time left; `killed`: SIGKILL was sent;
 * `leaving`: its leader has ended and something of its group is left.
 */
export const WORKER_PHASES = [
  'starting',
  'ready',
  'draining',
  'stopping',
  'ending',
  'killed',
  'leaving',
  'gone',
] as const;
export type WorkerPhase = (typeof WORKER_PHASES)[number];

export type WorkerEvent =
  /** It is seen accepting on its listener. */
  | { readonly type: 'accepting' }
  | { readonly type: 'startTimedOut' }
  /** It is to leave when it is free. */
  | { readonly type: 'drain'; readonly reason: LeaveReason }
  /** Draining, it has nothing in hand and nothing can come. */
  | { readonly type: 'freed' }
  /** Draining, it never became free in its time. */
  | { readonly type: 'drainTimedOut' }
  /** It was frozen, seen to be free, and killed. */
  | { readonly type: 'killedIdle'; readonly reason: LeaveReason }
  /** It is to finish the request in hand and end. */
  | { readonly type: 'stop'; readonly reason: LeaveReason }
  /** It is to end at once. */
  | { readonly type: 'kill'; readonly reason: LeaveReason }
  /** It had its time to finish. */
  | { readonly type: 'stopTimedOut' }
  /** Its leader has ended. */
  | { readonly type: 'exited' }
  /** Nothing of its process group is left. */
  | { readonly type: 'gone' };

export type Effect =
  | 'sendStopSignal'
  | 'sendKill'
  | 'reportReady'
  | 'reportStartTimeout'
  | 'reportOutOfTime'
  | 'reportCut'
  | 'reportExit';

interface Transition {
  readonly to: WorkerPhase;
  readonly effects: readonly Effect[];
  /** Where the event does not name one. */
  readonly reason?: LeaveReason;
}

type Table = { readonly [P in WorkerPhase]: { readonly [E in WorkerEvent['type']]: Transition | null } };

const drain: Transition = { to: 'draining', effects: [] };
const stop: Transition = { to: 'stopping', effects: ['sendStopSignal'] };
const killedIdle: Transition = { to: 'killed', effects: [] };
const kill: Transition = { to: 'killed', effects: ['sendKill'] };
/** What its leader leaves behind (children of a php-cgi that was killed) would go on accepting: it is ended too. */
const endedItself: Transition = { to: 'leaving', effects: ['reportExit', 'sendStopSignal'], reason: 'ended' };
const endedByUs: Transition = { to: 'leaving', effects: ['reportExit'] };
const gone: Transition = { to: 'gone', effects: [] };

/** null: the event changes nothing in that phase. */
const TABLE: Table = {
  starting: {
    accepting: { to: 'ready', effects: ['reportReady'] },
    startTimedOut: { to: 'killed', effects: ['reportStartTimeout', 'sendKill'], reason: 'startTimeout' },
    drain,
    freed: null,
    drainTimedOut: null,
    killedIdle,
    stop,
    kill,
    stopTimedOut: null,
    exited: endedItself,
    gone: null, // 'exited' always comes first
  },
  ready: {
    accepting: null,
    startTimedOut: null,
    drain,
    freed: null,
    drainTimedOut: null,
    killedIdle,
    stop,
    kill,
    stopTimedOut: null,
    exited: endedItself,
    gone: null,
  },
  draining: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: { to: 'ending', effects: ['sendStopSignal'] },
    drainTimedOut: { to: 'ending', effects: ['reportOutOfTime', 'sendStopSignal'] },
    killedIdle,
    stop,
    kill,
    stopTimedOut: null,
    exited: { to: 'leaving', effects: ['reportExit', 'sendStopSignal'] },
    gone: null,
  },
  stopping: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: null,
    drainTimedOut: null,
    killedIdle: null,
    stop: null,
    kill,
    stopTimedOut: { to: 'killed', effects: ['reportCut', 'sendKill'] },
    exited: endedByUs,
    gone: null,
  },
  ending: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: null,
    drainTimedOut: null,
    killedIdle: null,
    stop: null,
    kill,
    stopTimedOut: { to: 'killed', effects: ['sendKill'] },
    exited: endedByUs,
    gone: null,
  },
  killed: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: null,
    drainTimedOut: null,
    killedIdle: null,
    stop: null,
    kill: null,
    stopTimedOut: null,
    exited: endedByUs,
    gone: null,
  },
  leaving: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: null,
    drainTimedOut: null,
    killedIdle: null,
    stop: null,
    kill: { to: 'leaving', effects: ['sendKill'] },
    stopTimedOut: { to: 'leaving', effects: ['reportCut', 'sendKill'] },
    exited: null,
    gone,
  },
  gone: {
    accepting: null,
    startTimedOut: null,
    drain: null,
    freed: null,
    drainTimedOut: null,
    killedIdle: null,
    stop: null,
    kill: null,
    stopTimedOut: null,
    exited: null,
    gone: null,
  },
};

/** A worker's place in the table. Times are milliseconds of the clock that the caller uses throughout. */
export interface Lifecycle {
  readonly phase: WorkerPhase;
  readonly sinceMs: number;
  readonly reason: LeaveReason | null;
}

export interface Step {
  readonly lifecycle: Lifecycle;
  readonly effects: readonly Effect[];
}

export function newborn(nowMs: number): Lifecycle {
  return { phase: 'starting', sinceMs: nowMs, reason: null };
}

/** What an event does to a worker; an event that its phase ignores leaves it as it is. */
export function step(lifecycle: Lifecycle, event: WorkerEvent, nowMs: number): Step {
  const transition = TABLE[lifecycle.phase][event.type];
  if (transition === null) return { lifecycle, effects: [] };
  const named = 'reason' in event ? event.reason : transition.reason;
  return {
    lifecycle: { phase: transition.to, sinceMs: nowMs, reason: lifecycle.reason ?? named ?? null },
    effects: transition.effects,
  };
}
