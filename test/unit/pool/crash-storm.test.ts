/** When crashes are a storm, and when it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterCalm,
  afterCrash,
  CALM,
  isCrash,
  STORM_CRASHES,
  STORM_INTERVAL_MS,
  type StormMemory,
} from '../../../src/pool/crash-storm.ts';

const after = (...atMs: number[]): StormMemory => atMs.reduce(afterCrash, CALM);
const every = (ms: number, count: number): number[] => Array.from({ length: count }, (_, i) => 1000 + i * ms);

void test('which ends are crashes', () => {
  const rows = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGKILL', 'SIGTERM', null].map(isCrash);
  assert.deepEqual(rows, [true, true, true, false, false, false]);
});

void test('crashes close together are a storm, those far apart are not', () => {
  const rows: [string, number[], number | null][] = [
    ['one too few', every(100, STORM_CRASHES - 1), null],
    ['all within the interval', every(100, STORM_CRASHES), STORM_CRASHES],
    ['further ones are counted', every(100, STORM_CRASHES + 7), STORM_CRASHES + 7],
    ['just within', every((STORM_INTERVAL_MS - 1) / (STORM_CRASHES - 1), STORM_CRASHES), STORM_CRASHES],
    ['spread too far', every(STORM_INTERVAL_MS / (STORM_CRASHES - 1), 50), null],
  ];
  for (const [row, atMs, crashes] of rows) assert.equal(after(...atMs).storm?.crashes ?? null, crashes, row);
});

void test('it began with the first of its crashes, and ends an interval after the last', () => {
  const storm = after(...every(100, STORM_CRASHES), 9000);
  assert.deepEqual(storm.storm, { sinceMs: 1000, lastMs: 9000, crashes: STORM_CRASHES + 1 });
  assert.equal(afterCalm(storm, 9000 + STORM_INTERVAL_MS - 1), storm);
  assert.equal(afterCalm(storm, 9000 + STORM_INTERVAL_MS), CALM);
  assert.equal(afterCalm(CALM, 9000), CALM);
});
