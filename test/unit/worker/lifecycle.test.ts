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

/** Where it goes, what is to be done, and why it leaves; null: the event is ignored. */
type Row = readonly [to: WorkerPhase, effects: readonly Effect[], reason: LeaveReason | null] | null;

const EVENTS: Readonly<Record<WorkerEvent['type'], WorkerEvent>> = {
  accepting: { type: 'accepting' },
  startTimedOut: { type: 'startTimedOut' },
  stop: { type: 'stop', reason: 'replaced' },
  kill: { type: 'kill', reason: 'poolStopped' },
  stopTimedOut: { type: 'stopTimedOut' },
  exited: { type: 'exited' },
  gone: { type: 'gone' },
};

const EXPECTED: Readonly<Record<WorkerPhase, Readonly<Record<WorkerEvent['type'], Row>>>> = {
  starting: {
    accepting: ['ready', ['reportReady'], null],
    startTimedOut: ['killed', ['reportStartTimeout', 'sendKill'], 'startTimeout'],
    stop: ['stopping', ['sendStopSignal'], 'replaced'],
    kill: ['killed', ['sendKill'], 'poolStopped'],
    stopTimedOut: null,
    exited: ['leaving', ['reportExit', 'sendStopSignal'], 'ended'],
    gone: null,
  },
  ready: {
    accepting: null,
    startTimedOut: null,
    stop: ['stopping', ['sendStopSignal'], 'replaced'],
    kill: ['killed', ['sendKill'], 'poolStopped'],
    stopTimedOut: null,
    exited: ['leaving', ['reportExit', 'sendStopSignal'], 'ended'],
    gone: null,
  },
  stopping: {
    accepting: null,
    startTimedOut: null,
    stop: null,
    // "now" after a graceful stop: somebody has lost patience.
    kill: ['killed', ['sendKill'], 'poolStopped'],
    stopTimedOut: ['killed', ['reportCut', 'sendKill'], null],
    exited: ['leaving', ['reportExit'], null],
    gone: null,
  },
  killed: {
    accepting: null,
    startTimedOut: null,
    stop: null,
    kill: null,
    stopTimedOut: null,
    exited: ['leaving', ['reportExit'], null],
    gone: null,
  },
  leaving: {
    accepting: null,
    startTimedOut: null,
    stop: null,
    kill: ['leaving', ['sendKill'], 'poolStopped'],
    stopTimedOut: ['leaving', ['reportCut', 'sendKill'], null],
    exited: null,
    gone: ['gone', [], null],
  },
  gone: {
    accepting: null,
    startTimedOut: null,
    stop: null,
    kill: null,
    stopTimedOut: null,
    exited: null,
    gone: null,
  },
};

for (const [phase, row] of Object.entries(EXPECTED)) {
  for (const [name, expected] of Object.entries(row)) {
    const before: Lifecycle = { phase: phase as WorkerPhase, sinceMs: 1000, reason: null };
    const event = EVENTS[name as WorkerEvent['type']];
    void test(`${phase}, ${name}: ${expected === null ? 'ignored' : expected.flat().join(' ')}`, () => {
      const { lifecycle, effects } = step(before, event, 2000);
      if (expected === null) {
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
