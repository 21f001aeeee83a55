/** Every cell of the lifecycle table: what each event does to a worker in each phase. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeaveReason } from '../../../src/observe/events.ts';
import {
  type Effect,
  type Lifecycle,
  newborn,
  step,
  type WorkerEvent,
  type WorkerPhase,
} from '../../../src/worker/lifecycle.ts';

/** Where it goes, what is to be done, and why it leaves. */
type Row = readonly [to: WorkerPhase, effects: readonly Effect[], reason: LeaveReason | null];
type EventName = WorkerEvent['type'];

const EVENTS: { readonly [N in EventName]: Extract<WorkerEvent, { type: N }> } = {
  accepting: { type: 'accepting' },
  startTimedOut: { type: 'startTimedOut' },
  drain: { type: 'drain', reason: 'replaced' },
  freed: { type: 'freed' },
  drainTimedOut: { type: 'drainTimedOut' },
  killedIdle: { type: 'killedIdle', reason: 'scaledDown' },
  stop: { type: 'stop', reason: 'replaced' },
  kill: { type: 'kill', reason: 'poolStopped' },
  stopTimedOut: { type: 'stopTimedOut' },
  exited: { type: 'exited' },
  gone: { type: 'gone' },
};

const LEAVES: Readonly<Partial<Record<EventName, Row>>> = {
  killedIdle: ['killed', [], 'scaledDown'],
  stop: ['stopping', ['sendStopSignal'], 'replaced'],
  kill: ['killed', ['sendKill'], 'poolStopped'],
};

/** Every cell that is not here is ignored. */
const EXPECTED: Readonly<Record<WorkerPhase, Readonly<Partial<Record<EventName, Row>>>>> = {
  starting: {
    ...LEAVES,
    accepting: ['ready', ['reportReady'], null],
    startTimedOut: ['killed', ['reportStartTimeout', 'sendKill'], 'startTimeout'],
    drain: ['draining', [], 'replaced'],
    exited: ['leaving', ['reportExit', 'sendStopSignal'], 'ended'],
  },
  ready: {
    ...LEAVES,
    drain: ['draining', [], 'replaced'],
    exited: ['leaving', ['reportExit', 'sendStopSignal'], 'ended'],
  },
  draining: {
    ...LEAVES,
    freed: ['ending', ['sendStopSignal'], null],
    drainTimedOut: ['ending', ['reportOutOfTime', 'sendStopSignal'], null],
    // What its leader leaves behind is told as well.
    exited: ['leaving', ['reportExit', 'sendStopSignal'], null],
  },
  stopping: {
    // "now" after a graceful stop: somebody has lost patience.
    kill: ['killed', ['sendKill'], 'poolStopped'],
    stopTimedOut: ['killed', ['reportCut', 'sendKill'], null],
    exited: ['leaving', ['reportExit'], null],
  },
  ending: {
    kill: ['killed', ['sendKill'], 'poolStopped'],
    // It has nothing in hand, or that was told when its time was over: nothing is cut by this.
    stopTimedOut: ['killed', ['sendKill'], null],
    exited: ['leaving', ['reportExit'], null],
  },
  killed: { exited: ['leaving', ['reportExit'], null] },
  leaving: {
    kill: ['leaving', ['sendKill'], 'poolStopped'],
    stopTimedOut: ['leaving', ['reportCut', 'sendKill'], null],
    gone: ['gone', [], null],
  },
  gone: {},
};

for (const [phase, row] of Object.entries(EXPECTED)) {
  for (const [name, event] of Object.entries(EVENTS)) {
    const expected = row[name as EventName];
    const before: Lifecycle = { phase: phase as WorkerPhase, sinceMs: 1000, reason: null };
    void test(`${phase}, ${name}: ${expected === undefined ? 'ignored' : expected.flat().join(' ')}`, () => {
      const { lifecycle, effects } = step(before, event, 2000);
      if (expected === undefined) {
        assert.equal(lifecycle, before);
        assert.deepEqual(effects, []);
        return;
      }
      const [to, wanted, reason] = expected;
      assert.deepEqual(effects, wanted);
      assert.deepEqual(lifecycle, { phase: to, sinceMs: 2000, reason });
    });
  }
}

void test('the first reason for leaving stays', () => {
  let lifecycle = newborn(0);
  const happen = (event: WorkerEvent, nowMs: number): readonly Effect[] => {
    const next = step(lifecycle, event, nowMs);
    lifecycle = next.lifecycle;
    return next.effects;
  };
  happen({ type: 'accepting' }, 10);
  happen({ type: 'stop', reason: 'scaledDown' }, 20);
  happen({ type: 'kill', reason: 'poolStopped' }, 30);
  assert.deepEqual(happen({ type: 'exited' }, 40), ['reportExit']);
  assert.deepEqual(lifecycle, { phase: 'leaving', sinceMs: 40, reason: 'scaledDown' });
  happen({ type: 'gone' }, 50);
  assert.deepEqual(lifecycle, { phase: 'gone', sinceMs: 50, reason: 'scaledDown' });
});
