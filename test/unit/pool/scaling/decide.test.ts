/** The decision of a pool, row by row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestartMemory } from '../../../../src/pool/restart-limit.ts';
import {
  type Action,
  decide,
  type Memory,
  NEW_POOL,
  type Snapshot,
} from '../../../../src/pool/scaling/decide.ts';
import type { Policy } from '../../../../src/pool/scaling/policy.ts';
import type { Reason } from '../../../../src/pool/scaling/why.ts';
import { afterPeak, DYNAMIC, NOW_MS, ON_DEMAND, QUIET, SETTLED, STATIC } from './situations.ts';

interface Row {
  readonly name: string;
  readonly policy: Policy;
  readonly snapshot?: Partial<Snapshot>;
  readonly memory?: Memory;
  readonly actions: readonly Action[];
  readonly why: readonly Reason['code'][];
}

const spawn = (count: number, generation: 'serving' | 'next' = 'serving'): Action => ({
  type: 'spawn',
  count,
  generation,
});
const retire = (count: number, isDue = false): Action => ({ type: 'retire', count, isDue });
const failing = (failedAttempts: number, notBeforeMs: number): RestartMemory => ({
  failedAttempts,
  countedAtMs: NOW_MS - 10,
  notBeforeMs,
});
const load = (accepted: number, waiting = 0): Snapshot['load'] => ({ accepted, waiting });
const reload = (
  size: number,
  requested: number,
  servingLimit: number | null = null,
  leftPlaces = 0,
): Snapshot['nextGeneration'] => ({ size, requested, servingLimit, leftPlaces });
const spawned = (count: number, agoMs: number): Memory => ({
  ...SETTLED,
  recentSpawns: [{ atMs: NOW_MS - agoMs, count }],
});

const STATIC_ROWS: readonly Row[] = [
  { name: 'an empty pool is filled', policy: STATIC, actions: [spawn(4)], why: ['below-size'] },
  { name: 'a whole pool is left alone', policy: STATIC, snapshot: { ready: 4 }, actions: [], why: [] },
  {
    name: 'workers that are starting count',
    policy: STATIC,
    snapshot: { ready: 2, starting: 1 },
    actions: [spawn(1)],
    why: ['below-size'],
  },
  {
    name: 'load does not matter to a static pool',
    policy: STATIC,
    snapshot: { ready: 4, load: load(4, 100) },
    actions: [],
    why: [],
  },
  {
    name: 'also when it cannot be seen',
    policy: STATIC,
    snapshot: { ready: 3, load: null },
    actions: [spawn(1)],
    why: ['below-size'],
  },
  {
    name: 'what is above the size goes, busy or not',
    policy: STATIC,
    snapshot: { ready: 6, load: load(6) },
    actions: [retire(2, true)],
    why: ['above-size'],
  },
  {
    name: 'the first fill is not slowed by the spawn rate',
    policy: { ...STATIC, maxChildren: 200 },
    memory: NEW_POOL,
    actions: [spawn(200)],
    why: ['below-size'],
  },
  {
    name: 'later on the spawn rate holds',
    policy: { ...STATIC, maxChildren: 200 },
    memory: spawned(125, 999),
    actions: [spawn(3)],
    why: ['below-size', 'spawn-rate'],
  },
  {
    name: 'what was started a second ago does not count any more',
    policy: { ...STATIC, maxChildren: 200 },
    memory: spawned(125, 1000),
    actions: [spawn(128)],
    why: ['below-size', 'spawn-rate'],
  },
  {
    name: 'process.max holds',
    policy: STATIC,
    snapshot: { allowance: 1 },
    actions: [spawn(1)],
    why: ['below-size', 'process-max'],
  },
  {
    name: 'process.max leaves nothing',
    policy: STATIC,
    snapshot: { allowance: 0 },
    actions: [],
    why: ['below-size', 'process-max'],
  },
  {
    name: 'a static pool gives back what a lowered process.max does not leave to it',
    policy: STATIC,
    snapshot: { ready: 4, allowance: -3 },
    actions: [retire(3)],
    why: ['process-max-return'],
  },
  {
    name: 'short memory does not keep a static pool below its size',
    policy: STATIC,
    snapshot: { ready: 2, memoryShort: 'no memory' },
    actions: [spawn(2)],
    why: ['below-size'],
  },
  {
    name: 'scale: another size',
    policy: { ...STATIC, scaledTo: 6 },
    snapshot: { ready: 4 },
    actions: [spawn(2)],
    why: ['below-size'],
  },
];

const CRASH_ROWS: readonly Row[] = [
  {
    name: 'a pool that backs off waits',
    policy: STATIC,
    snapshot: { restart: failing(3, NOW_MS + 1) },
    actions: [],
    why: ['backing-off'],
  },
  {
    name: 'after the wait one worker tries',
    policy: STATIC,
    snapshot: { restart: failing(3, NOW_MS) },
    actions: [spawn(1)],
    why: ['one-to-try'],
  },
  {
    name: 'and the others wait for how it goes',
    policy: STATIC,
    snapshot: { starting: 1, restart: failing(3, NOW_MS) },
    actions: [],
    why: ['one-to-try'],
  },
  {
    name: 'when it is ready the others follow',
    policy: STATIC,
    snapshot: { ready: 1, restart: failing(3, NOW_MS) },
    actions: [spawn(3)],
    why: ['below-size'],
  },
  {
    name: 'an on-demand pool backs off like any other',
    policy: ON_DEMAND,
    snapshot: { load: load(0, 9), restart: failing(3, NOW_MS + 500) },
    actions: [],
    why: ['backing-off'],
  },
  {
    name: 'and nobody starts a worker to try while nobody asks',
    policy: ON_DEMAND,
    snapshot: { restart: failing(3, NOW_MS) },
    actions: [],
    why: [],
  },
];

const RELOAD_ROWS: readonly Row[] = [
  {
    name: 'a reload asks for its generation when the serving one is whole',
    policy: STATIC,
    snapshot: { ready: 4, nextGeneration: reload(5, 2) },
    actions: [spawn(3, 'next')],
    why: ['reload'],
  },
  {
    name: 'the serving generation comes first',
    policy: STATIC,
    snapshot: { ready: 3, nextGeneration: reload(5, 0) },
    actions: [spawn(1)],
    why: ['below-size'],
  },
  {
    name: 'a reload may mend a pool that backs off',
    policy: STATIC,
    snapshot: { nextGeneration: reload(4, 0), restart: failing(5, NOW_MS + 1000) },
    actions: [spawn(4, 'next')],
    why: ['backing-off', 'reload'],
  },
  {
    name: 'who is above the size does not leave before all do',
    policy: { ...STATIC, scaledTo: 1 },
    snapshot: { ready: 4, nextGeneration: reload(1, 0) },
    actions: [{ type: 'spawn', count: 1, generation: 'next' }],
    why: ['reload'],
  },
  {
    name: 'where there is no room for both, the serving generation gives way',
    policy: STATIC,
    snapshot: { ready: 4, allowance: 0, nextGeneration: reload(4, 0, 3) },
    actions: [retire(1, true)],
    why: ['room-for-reload'],
  },
  {
    name: 'a dynamic pool gives way one by one as well',
    policy: DYNAMIC,
    snapshot: { ready: 5, load: load(1), allowance: 0, nextGeneration: reload(5, 0, 4) },
    actions: [retire(1, true)],
    why: ['room-for-reload'],
  },
  {
    name: 'with short memory no second generation is started',
    policy: STATIC,
    snapshot: { ready: 4, memoryShort: 'no memory', nextGeneration: reload(4, 0) },
    actions: [],
    why: ['reload', 'memory-short'],
  },
  {
    name: 'but one for each that has left',
    policy: STATIC,
    snapshot: { ready: 2, memoryShort: 'no memory', nextGeneration: reload(4, 1, 2, 2) },
    actions: [spawn(1, 'next')],
    why: ['reload', 'memory-short'],
  },
];

const DYNAMIC_ROWS: readonly Row[] = [
  {
    name: 'a new pool begins with start_servers',
    policy: DYNAMIC,
    memory: NEW_POOL,
    actions: [spawn(4)],
    why: ['first-fill'],
  },
  {
    name: 'with more when more is asked for at once',
    policy: DYNAMIC,
    memory: NEW_POOL,
    snapshot: { load: load(0, 7) },
    actions: [spawn(9)],
    why: ['demand'],
  },
  {
    name: 'later on it is content with min_spare',
    policy: DYNAMIC,
    snapshot: { ready: 2 },
    actions: [],
    why: [],
  },
  {
    name: 'below min_spare it starts what is missing',
    policy: DYNAMIC,
    snapshot: { ready: 1 },
    actions: [spawn(1)],
    why: ['demand'],
  },
  {
    name: 'demand is served at once and in full: no doubling',
    policy: DYNAMIC,
    snapshot: { ready: 2, load: load(2, 13) },
    actions: [spawn(15)],
    why: ['demand'],
  },
  {
    name: 'those that are starting count',
    policy: DYNAMIC,
    snapshot: { ready: 2, starting: 15, load: load(2, 13) },
    actions: [],
    why: [],
  },
  {
    name: 'never above max_children',
    policy: DYNAMIC,
    snapshot: { ready: 2, load: load(2, 60) },
    actions: [spawn(18)],
    why: ['demand', 'max-children'],
  },
  {
    name: 'up to max_spawn_rate',
    policy: { ...DYNAMIC, maxSpawnRate: 5 },
    snapshot: { ready: 2, load: load(2, 13) },
    actions: [spawn(5)],
    why: ['demand', 'spawn-rate'],
  },
  {
    name: 'a worker that serves several connections counts for as many',
    policy: { ...DYNAMIC, workerConcurrency: 4 },
    snapshot: { ready: 2, load: load(8, 5) },
    actions: [spawn(4)],
    why: ['demand'],
  },
  {
    name: 'up to max_spare may be idle',
    policy: DYNAMIC,
    snapshot: { ready: 9, load: load(3) },
    actions: [],
    why: [],
  },
  {
    name: 'what is idle above max_spare goes',
    policy: DYNAMIC,
    snapshot: { ready: 10, load: load(3) },
    actions: [retire(1)],
    why: ['idle-excess'],
  },
  {
    name: 'unless the peak of the last process_idle_timeout needs it',
    policy: DYNAMIC,
    snapshot: { ready: 14 },
    memory: afterPeak(12, 9_999),
    actions: [],
    why: ['kept-for-peak'],
  },
  {
    name: 'what the peak and its spare do not need goes before',
    policy: DYNAMIC,
    snapshot: { ready: 17 },
    memory: afterPeak(12, 9_999),
    actions: [retire(3)],
    why: ['idle-excess'],
  },
  {
    name: 'an older peak is forgotten',
    policy: DYNAMIC,
    snapshot: { ready: 14 },
    memory: afterPeak(12, 10_000),
    actions: [retire(8)],
    why: ['idle-excess'],
  },
  {
    name: 'a pool that has been watched for too short retires nothing',
    policy: DYNAMIC,
    snapshot: { ready: 14 },
    memory: { ...SETTLED, demand: { sinceMs: NOW_MS - 9_999, sights: [] } },
    actions: [],
    why: ['watched-too-short'],
  },
  {
    name: 'starting workers are not retired',
    policy: DYNAMIC,
    snapshot: { ready: 1, starting: 13 },
    actions: [retire(1)],
    why: ['idle-excess'],
  },
  {
    name: 'above a lowered max_children busy workers go, too',
    policy: { ...DYNAMIC, maxChildren: 8 },
    snapshot: { ready: 10, load: load(10) },
    actions: [retire(2, true)],
    why: ['above-size'],
  },
  {
    name: 'process.max holds',
    policy: DYNAMIC,
    snapshot: { ready: 2, load: load(2, 13), allowance: 4 },
    actions: [spawn(4)],
    why: ['demand', 'process-max'],
  },
  {
    name: 'what is above its share is given back when others need it',
    policy: DYNAMIC,
    snapshot: { ready: 7, load: load(7, 5), allowance: -2 },
    memory: afterPeak(12, 500),
    actions: [retire(2)],
    why: ['process-max-return'],
  },
  {
    name: 'short memory: nothing above min_spare, and it is named',
    policy: DYNAMIC,
    snapshot: { ready: 2, load: load(2, 13), memoryShort: 'no memory' },
    actions: [],
    why: ['demand', 'memory-short'],
  },
  {
    name: 'short memory: up to min_spare',
    policy: DYNAMIC,
    snapshot: { ready: 1, load: load(1), memoryShort: 'no memory' },
    actions: [spawn(1)],
    why: ['demand', 'memory-short'],
  },
  {
    name: 'scale: a target in place of the rule',
    policy: { ...DYNAMIC, scaledTo: 30 },
    snapshot: { ready: 2, load: load(2) },
    actions: [spawn(28)],
    why: ['below-size'],
  },
  {
    name: 'scale: down at once, whatever the peak was',
    policy: { ...DYNAMIC, scaledTo: 3 },
    snapshot: { ready: 14, load: load(2) },
    memory: afterPeak(12, 500),
    actions: [retire(11, true)],
    why: ['above-size'],
  },
  {
    name: 'load unknown for a moment: all stay',
    policy: DYNAMIC,
    snapshot: { ready: 14, load: null },
    actions: [],
    why: [],
  },
  {
    name: 'load unknown from the start: start_servers',
    policy: DYNAMIC,
    memory: NEW_POOL,
    snapshot: { load: null },
    actions: [spawn(4)],
    why: ['load-unknown'],
  },
  {
    name: 'load unknown for process_idle_timeout: max_children',
    policy: DYNAMIC,
    memory: { ...SETTLED, blindSinceMs: NOW_MS - 10_000 },
    snapshot: { ready: 4, load: null },
    actions: [spawn(16)],
    why: ['load-unknown'],
  },
];

const ON_DEMAND_ROWS: readonly Row[] = [
  { name: 'nobody asks: nothing runs', policy: ON_DEMAND, memory: NEW_POOL, actions: [], why: [] },
  {
    name: 'N connections at once give N workers',
    policy: ON_DEMAND,
    snapshot: { load: load(0, 6) },
    actions: [spawn(6)],
    why: ['demand'],
  },
  {
    name: 'up to max_children',
    policy: ON_DEMAND,
    snapshot: { load: load(0, 64) },
    actions: [spawn(20)],
    why: ['demand', 'max-children'],
  },
  {
    name: 'those that are starting count',
    policy: ON_DEMAND,
    snapshot: { starting: 5, load: load(0, 6) },
    actions: [spawn(1)],
    why: ['demand'],
  },
  {
    name: 'idle workers stay for process_idle_timeout',
    policy: ON_DEMAND,
    snapshot: { ready: 6 },
    memory: afterPeak(6, 9_999),
    actions: [],
    why: ['kept-for-peak'],
  },
  {
    name: 'and go then',
    policy: ON_DEMAND,
    snapshot: { ready: 6 },
    memory: afterPeak(6, 10_000),
    actions: [retire(6)],
    why: ['idle-excess'],
  },
  {
    name: 'one at a time was enough: the others go',
    policy: ON_DEMAND,
    snapshot: { ready: 6 },
    memory: afterPeak(1, 5_000),
    actions: [retire(5)],
    why: ['idle-excess'],
  },
  {
    name: 'short memory leaves one worker to a pool that is asked',
    policy: ON_DEMAND,
    snapshot: { load: load(0, 6), memoryShort: 'no memory' },
    actions: [spawn(1)],
    why: ['demand', 'memory-short'],
  },
  {
    name: 'a reload starts its probe worker though nothing runs',
    policy: ON_DEMAND,
    snapshot: { nextGeneration: reload(1, 0) },
    actions: [spawn(1, 'next')],
    why: ['reload'],
  },
];

const TABLES = {
  static: STATIC_ROWS,
  'crash loop': CRASH_ROWS,
  reload: RELOAD_ROWS,
  dynamic: DYNAMIC_ROWS,
  'on demand': ON_DEMAND_ROWS,
};

for (const [table, rows] of Object.entries(TABLES)) {
  for (const row of rows) {
    void test(`${table}: ${row.name}`, () => {
      const decision = decide({ ...QUIET, ...row.snapshot }, row.policy, row.memory ?? SETTLED);
      assert.deepEqual(decision.actions, row.actions);
      assert.deepEqual(
        decision.why.map(({ code }) => code),
        row.why,
      );
    });
  }
}

void test('an episode at max_children begins once, and ends when the peak of process_idle_timeout is below', () => {
  let memory = SETTLED;
  const at = (afterMs: number, connections: number): boolean => {
    const snapshot = { ...QUIET, nowMs: NOW_MS + afterMs, ready: 20, load: load(connections) };
    memory = decide(snapshot, DYNAMIC, memory).memory;
    return memory.isAtMax;
  };
  assert.deepEqual(
    [at(0, 18), at(100, 19), at(200, 3), at(300, 20), at(10_299, 0), at(10_300, 0), at(10_400, 19)],
    [false, true, true, true, true, false, true],
  );
});

void test('a pool that was scaled above max_children has not reached it', () => {
  assert.equal(decide({ ...QUIET, ready: 30 }, { ...DYNAMIC, scaledTo: 30 }, SETTLED).memory.isAtMax, false);
});

void test('a reason carries the numbers that led there', () => {
  const { why } = decide({ ...QUIET, ready: 2, load: load(2, 40) }, DYNAMIC, SETTLED);
  assert.deepEqual(why, [
    { code: 'demand', accepted: 2, waiting: 40, needed: 42, spare: 2, present: 2 },
    { code: 'max-children', needed: 42, spare: 2, maxChildren: 20 },
  ]);
});
