/** The decision of a static pool, row by row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Action,
  decide,
  type Memory,
  type Policy,
  type Snapshot,
  type Why,
} from '../../../src/pool/decide.ts';
import { NO_FAILURES } from '../../../src/pool/restart-limit.ts';
import { FULL, NOW_MS, POLICY, QUIET, workers } from './situations.ts';

const failing = (failedAttempts: number, notBeforeMs: number): Memory => ({
  ...FULL,
  restart: { failedAttempts, countedAtMs: NOW_MS - 10, notBeforeMs },
});

interface Row {
  readonly name: string;
  readonly snapshot?: Partial<Snapshot>;
  readonly policy?: Partial<Policy>;
  readonly memory?: Memory;
  readonly actions: readonly Action[];
  readonly why: readonly Why[];
}

const spawn = (count: number, generation: 'serving' | 'next' = 'serving'): Action => ({
  type: 'spawn',
  count,
  generation,
});

const ROWS: readonly Row[] = [
  { name: 'an empty pool is filled', actions: [spawn(4)], why: ['below-size'] },
  { name: 'a whole pool is left alone', snapshot: { workers: workers(4) }, actions: [], why: [] },
  {
    name: 'workers that are just being spawned count',
    snapshot: { workers: workers(2), spawning: 1 },
    actions: [spawn(1)],
    why: ['below-size'],
  },
  {
    name: 'workers that are still starting count',
    snapshot: { workers: workers(4, false) },
    actions: [],
    why: [],
  },
  {
    name: 'the youngest are retired first',
    snapshot: { workers: workers(6) },
    actions: [
      { type: 'retire', pid: 105 },
      { type: 'retire', pid: 104 },
    ],
    why: ['above-size'],
  },
  {
    name: 'no more are retired than there are, when the rest is just being spawned',
    snapshot: { workers: workers(1), spawning: 3 },
    policy: { size: 0 },
    actions: [{ type: 'retire', pid: 100 }],
    why: ['above-size'],
  },
  {
    name: 'the spawn rate holds',
    policy: { size: 200 },
    memory: { ...FULL, spawnTokens: 3.9 },
    actions: [spawn(3)],
    why: ['below-size', 'spawn-rate'],
  },
  {
    name: 'process.max holds',
    snapshot: { allowance: 1 },
    actions: [spawn(1)],
    why: ['below-size', 'process-max'],
  },
  {
    name: 'process.max leaves nothing',
    snapshot: { allowance: 0 },
    actions: [],
    why: ['below-size', 'process-max'],
  },
  {
    name: 'a pool that backs off waits',
    memory: failing(3, NOW_MS + 1),
    actions: [],
    why: ['backing-off'],
  },
  {
    name: 'after the wait one worker tries',
    memory: failing(3, NOW_MS),
    actions: [spawn(1)],
    why: ['one-to-try'],
  },
  {
    name: 'and the others wait for how it goes',
    snapshot: { workers: workers(1, false) },
    memory: failing(3, NOW_MS),
    actions: [],
    why: ['one-to-try'],
  },
  {
    name: 'also while it is being spawned',
    snapshot: { spawning: 1 },
    memory: failing(3, NOW_MS),
    actions: [],
    why: ['one-to-try'],
  },
  {
    name: 'when it is ready the others follow',
    snapshot: { workers: workers(1) },
    memory: failing(3, NOW_MS),
    actions: [spawn(3)],
    why: ['below-size'],
  },
  {
    name: 'a reload asks for its generation when the serving one is whole',
    snapshot: { workers: workers(4), nextGeneration: { size: 5, requested: 2 } },
    actions: [spawn(3, 'next')],
    why: ['reload'],
  },
  {
    name: 'the serving generation comes first',
    snapshot: { workers: workers(3), nextGeneration: { size: 5, requested: 0 } },
    actions: [spawn(1)],
    why: ['below-size'],
  },
  {
    name: 'a reload may mend a pool that backs off',
    snapshot: { nextGeneration: { size: 4, requested: 0 } },
    memory: failing(5, NOW_MS + 1000),
    actions: [spawn(4, 'next')],
    why: ['backing-off', 'reload'],
  },
];

for (const row of ROWS) {
  void test(row.name, () => {
    const decision = decide({ ...QUIET, ...row.snapshot }, { ...POLICY, ...row.policy }, row.memory ?? FULL);
    assert.deepEqual(decision.actions, row.actions);
    assert.deepEqual(decision.why, row.why);
  });
}

void test('the rate refills with time, up to what a second brings', () => {
  const after = (elapsedMs: number): number =>
    decide(
      { ...QUIET, workers: workers(4) },
      { ...POLICY, maxSpawnRate: 10 },
      {
        restart: NO_FAILURES,
        spawnTokens: 2,
        tokensAtMs: NOW_MS - elapsedMs,
      },
    ).memory.spawnTokens;
  assert.deepEqual([0, 100, 500, 800, 60_000, -5000].map(after), [2, 3, 7, 10, 10, 2]);
});
