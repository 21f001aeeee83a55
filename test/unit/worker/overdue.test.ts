/** What is done about a worker whose request takes too long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OverdueFacts, overdueRule } from '../../../src/worker/overdue.ts';

const ROWS: readonly [string, OverdueFacts, ReturnType<typeof overdueRule>][] = [
  ['one at a time', { concurrency: 1, isDraining: false, inHand: 1, overdue: 1 }, 'kill'],
  ['others may come at any time', { concurrency: 4, isDraining: false, inHand: 1, overdue: 1 }, 'drain'],
  ['others are in hand', { concurrency: 4, isDraining: true, inHand: 3, overdue: 1 }, 'wait'],
  ['nobody else is left', { concurrency: 4, isDraining: true, inHand: 2, overdue: 2 }, 'kill'],
  ['it cannot be seen', { concurrency: 4, isDraining: true, inHand: null, overdue: 1 }, 'wait'],
];

for (const [row, facts, rule] of ROWS) void test(row, () => assert.equal(overdueRule(facts), rule));
