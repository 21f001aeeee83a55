/** Which workers are to be replaced, and when their memory is looked at again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Candidate,
  lifetimeMs,
  nextLookMs,
  placesAtOnce,
  type RecyclingRule,
  whoIsDue,
} from '../../../src/pool/recycling.ts';

const OFF: RecyclingRule = { maxMemoryBytes: 0, maxLifetimeMs: 0, maxLifetimeJitter: 0 };
const NOW = 1_000_000;

function worker(pid: number, ageMs: number, memoryBytes: number | null): Candidate {
  return { pid, startedAtMs: NOW - ageMs, memoryBytes };
}

void test('who is due, and in which order', () => {
  const workers = [worker(1, 5000, 10), worker(2, 9000, null), worker(3, 100, 30), worker(4, 7000, 20)];
  const rows: [string, Partial<RecyclingRule>, number[]][] = [
    ['both off', {}, []],
    ['the oldest first', { maxLifetimeMs: 6000 }, [2, 4]],
    ['at the very age', { maxLifetimeMs: 7000 }, [2, 4]],
    ['the fattest first; at the limit is within it', { maxMemoryBytes: 10 }, [3, 4]],
    ['one that was not measured is not too fat', { maxMemoryBytes: 1 }, [3, 4, 1]],
    ['memory comes before age, nobody twice', { maxMemoryBytes: 15, maxLifetimeMs: 6000 }, [3, 4, 2]],
  ];
  for (const [row, rule, pids] of rows)
    assert.deepEqual(
      whoIsDue(workers, { ...OFF, ...rule }, NOW).map(({ pid }) => pid),
      pids,
      row,
    );
});

void test('the reason carries the numbers', () => {
  const rule = { maxMemoryBytes: 15, maxLifetimeMs: 6000, maxLifetimeJitter: 0 };
  assert.deepEqual(
    whoIsDue([worker(1, 0, 20), worker(2, 9000, 5)], rule, NOW).map(({ why }) => why),
    [
      { code: 'max-memory', memoryBytes: 20, maxMemoryBytes: 15 },
      { code: 'max-lifetime', ageMs: 9000, maxLifetimeMs: 6000 },
    ],
  );
});

void test('the jitter makes lives shorter, evenly, and the same for the same pid', () => {
  const rule = { maxLifetimeMs: 1000, maxLifetimeJitter: 0.1 };
  const lives = Array.from({ length: 1000 }, (_, i) => lifetimeMs(4242 + i, rule));
  assert.ok(lives.every(life => life > 900 && life <= 1000));
  for (let from = 900; from < 1000; from += 10) {
    const here = lives.filter(life => life > from && life <= from + 10).length;
    assert.ok(here > 80 && here < 120, `${here} of 1000 between ${from} and ${from + 10} ms`);
  }
  assert.equal(lifetimeMs(77, rule), lifetimeMs(77, rule));
  assert.equal(lifetimeMs(77, { ...rule, maxLifetimeJitter: 0 }), 1000);
  assert.ok(lifetimeMs(77, { ...rule, maxLifetimeJitter: 5 }) >= 0);
});

void test('one in ten at a time, at least one', () => {
  assert.deepEqual([0, 1, 9, 10, 19, 20, 100].map(placesAtOnce), [1, 1, 1, 1, 1, 2, 10]);
});

void test('memory that grows is looked at in time, the rest seldom', () => {
  const before = { atMs: 0, memoryBytes: 100 };
  const rows: [string, Parameters<typeof nextLookMs>, number][] = [
    ['the first time', [null, before, 1000], 500],
    ['it stands still', [before, { atMs: 500, memoryBytes: 100 }, 1000], 5500],
    ['it shrinks', [before, { atMs: 500, memoryBytes: 50 }, 1000], 5500],
    ['it grows slowly', [before, { atMs: 500, memoryBytes: 110 }, 1000], 5500],
    ['at this speed it has 2 s', [before, { atMs: 500, memoryBytes: 300 }, 1100], 1500],
    ['it grows fast', [before, { atMs: 500, memoryBytes: 900 }, 1000], 1000],
    ['it is above', [before, { atMs: 500, memoryBytes: 1200 }, 1000], 1000],
  ];
  for (const [row, args, at] of rows) assert.equal(nextLookMs(...args), at, row);
});
