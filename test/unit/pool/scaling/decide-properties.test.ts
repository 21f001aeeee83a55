/** What must hold for every decision, whatever comes in, and over time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterDeath, NO_FAILURES } from '../../../../src/pool/restart-limit.ts';
import { decide, type Memory, NEW_POOL, type Snapshot } from '../../../../src/pool/scaling/decide.ts';
import { neededFor, type Policy } from '../../../../src/pool/scaling/policy.ts';
import { IDLE_TIMEOUT_MS, NOW_MS, QUIET, STATIC } from './situations.ts';

const TICK_MS = 100;

const anySizing = {
  maxChildren: fc.integer({ min: 1, max: 60 }),
  maxSpawnRate: fc.integer({ min: 1, max: 256 }),
  workerConcurrency: fc.constantFrom(1, 1, 1, 4, 50),
  idleTimeoutMs: fc.constant(IDLE_TIMEOUT_MS),
  scaledTo: fc.constant(null),
};

const anyStatic = fc.record({ ...anySizing, mode: fc.constant('static' as const) });
const anyOnDemand = fc.record({ ...anySizing, mode: fc.constant('ondemand' as const) });
const anyDynamic = fc
  .record({
    ...anySizing,
    mode: fc.constant('dynamic' as const),
    spare: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
  })
  .map(({ spare, ...policy }) => {
    const maxSpare = 1 + (spare[0] % policy.maxChildren);
    const minSpare = 1 + (spare[1] % maxSpare);
    return { ...policy, minSpare, maxSpare, startServers: minSpare + (spare[2] % (maxSpare - minSpare + 1)) };
  });
const anyRule: fc.Arbitrary<Policy> = fc.oneof(anyOnDemand, anyDynamic);
const anyPolicy: fc.Arbitrary<Policy> = fc
  .tuple(fc.oneof(anyStatic, anyRule), fc.option(fc.nat({ max: 70 }), { freq: 4 }))
  .map(([policy, scaledTo]) => ({ ...policy, scaledTo }));

const anyLoad = fc.option(fc.record({ accepted: fc.nat({ max: 80 }), waiting: fc.nat({ max: 80 }) }), {
  freq: 9,
});

const anySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  nowMs: fc.constant(NOW_MS),
  ready: fc.nat({ max: 60 }),
  starting: fc.nat({ max: 40 }),
  load: anyLoad,
  restart: fc.record({
    failedAttempts: fc.nat({ max: 20 }),
    countedAtMs: fc.nat({ max: 2 * NOW_MS }),
    notBeforeMs: fc.nat({ max: 2 * NOW_MS }),
  }),
  allowance: fc.oneof(fc.integer({ min: -20, max: 80 }), fc.constant(Number.POSITIVE_INFINITY)),
  memoryShort: fc.option(fc.constant('no memory'), { freq: 4 }),
  nextGeneration: fc.option(
    fc.record({
      size: fc.nat({ max: 40 }),
      requested: fc.nat({ max: 60 }),
      servingLimit: fc.option(fc.nat({ max: 40 })),
      leftPlaces: fc.nat({ max: 5 }),
    }),
  ),
});

const anyMemory: fc.Arbitrary<Memory> = fc.record({
  isFilled: fc.boolean(),
  isAtMax: fc.boolean(),
  blindSinceMs: fc.option(fc.nat({ max: NOW_MS })),
  demand: fc.record({
    sinceMs: fc.option(fc.nat({ max: NOW_MS })),
    sights: fc
      .option(fc.nat({ max: 100 }))
      .map(connections => (connections === null ? [] : [{ atMs: NOW_MS - 50, connections }])),
  }),
  recentSpawns: fc.nat({ max: 300 }).map(count => [{ atMs: NOW_MS - 500, count }]),
});

void test('whatever comes in: within every limit, and never spawn and retire in one decision', () => {
  fc.assert(
    fc.property(anySnapshot, anyPolicy, anyMemory, (snapshot, policy, before) => {
      const { actions } = decide(snapshot, policy, before);
      assert.ok(actions.length <= 1, 'both in one decision');
      const [action] = actions;
      if (action === undefined) return;
      assert.ok(Number.isInteger(action.count) && action.count > 0);
      const { ready, starting, load, allowance, nextGeneration } = snapshot;
      const present = ready + starting;
      const limit = policy.scaledTo ?? policy.maxChildren;
      if (action.type === 'spawn') {
        assert.ok(action.count <= allowance, 'process.max');
        const isFirstFill = !before.isFilled && action.generation === 'serving';
        const spent = before.recentSpawns[0]?.count ?? 0;
        assert.ok(isFirstFill || action.count + spent <= policy.maxSpawnRate, 'max_spawn_rate');
        if (action.generation === 'serving') assert.ok(present + action.count <= limit, 'max_children');
        else assert.ok((nextGeneration?.requested ?? 0) + action.count <= (nextGeneration?.size ?? 0));
        return;
      }
      assert.ok(action.count <= present);
      const isRule = policy.scaledTo === null && policy.mode !== 'static';
      if (!isRule || present > limit || (nextGeneration?.servingLimit ?? null) !== null || allowance < 0)
        return;
      assert.ok(load !== null, 'retired without seeing');
      const busy = neededFor(load.accepted + load.waiting, policy);
      assert.ok(ready - action.count >= busy, 'a busy worker was retired');
      if (policy.mode === 'dynamic')
        assert.ok(present - action.count >= Math.min(limit, busy + policy.minSpare));
    }),
    { numRuns: 2000 },
  );
});

interface Turn {
  readonly nowMs: number;
  readonly present: number;
  readonly spawned: number;
  readonly retired: number;
}

/** A pool over time: `demand` says how many connections there are, workers are ready `startMs` after their spawn. */
function run(
  policy: Policy,
  durationMs: number,
  startMs: number,
  demand: (afterMs: number) => number,
): Turn[] {
  const turns: Turn[] = [];
  let ready = 0;
  let starting: { readyAtMs: number; count: number }[] = [];
  let memory = NEW_POOL;
  for (let afterMs = 0; afterMs < durationMs; afterMs += TICK_MS) {
    const nowMs = NOW_MS + afterMs;
    for (const { readyAtMs, count } of starting) if (readyAtMs <= nowMs) ready += count;
    starting = starting.filter(({ readyAtMs }) => readyAtMs > nowMs);
    const coming = starting.reduce((sum, { count }) => sum + count, 0);
    const connections = demand(afterMs);
    const accepted = Math.min(connections, ready * policy.workerConcurrency);
    const load = { accepted, waiting: connections - accepted };
    const decision = decide({ ...QUIET, nowMs, ready, starting: coming, load }, policy, memory);
    memory = decision.memory;
    let [spawned, retired] = [0, 0];
    for (const action of decision.actions) {
      if (action.type === 'retire') retired += action.count;
      else spawned += action.count;
    }
    ready -= retired;
    if (spawned > 0) starting.push({ readyAtMs: nowMs + startMs, count: spawned });
    turns.push({ nowMs, present: ready + coming + spawned, spawned, retired });
  }
  return turns;
}

const anyStartMs = fc.integer({ min: 0, max: 3000 });

void test('constant load converges and stays: enough workers for it, with the spare ones, and then no action', () => {
  fc.assert(
    fc.property(
      fc.oneof(anyStatic, anyRule),
      fc.nat({ max: 200 }),
      anyStartMs,
      (policy, connections, startMs) => {
        const settleMs =
          Math.ceil(policy.maxChildren / policy.maxSpawnRate) * 1000 + startMs + 2 * IDLE_TIMEOUT_MS;
        const turns = run(policy, settleMs + 2 * IDLE_TIMEOUT_MS, startMs, () => connections);
        const late = turns.filter(({ nowMs }) => nowMs - NOW_MS > settleMs);
        assert.ok(late.every(({ spawned, retired }) => spawned === 0 && retired === 0));
        const spare = policy.mode === 'dynamic' ? policy.minSpare : 0;
        const called = policy.mode === 'static' ? policy.maxChildren : neededFor(connections, policy) + spare;
        assert.ok((late.at(-1)?.present ?? 0) >= Math.min(policy.maxChildren, called));
      },
    ),
    { numRuns: 60 },
  );
});

void test('bursts that recur within process_idle_timeout start workers once, and retire none of them', () => {
  fc.assert(
    fc.property(
      anyRule,
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 2, max: 90 }),
      fc.integer({ min: 1, max: 89 }),
      fc.integer({ min: 0, max: 500 }),
      (rule, height, periodTicks, widthTicks, startMs) => {
        // With a lower rate the first burst may be over before the pool has grown to it.
        const policy = { ...rule, maxSpawnRate: Math.max(rule.maxSpawnRate, rule.maxChildren) };
        const periodMs = periodTicks * TICK_MS;
        const widthMs = ((widthTicks % periodTicks) + 1) * TICK_MS;
        const turns = run(policy, 3 * periodMs + 30_000, startMs, afterMs =>
          afterMs % periodMs < widthMs ? height : 0,
        );
        const late = turns.filter(({ nowMs }) => nowMs - NOW_MS >= periodMs);
        assert.equal(
          late.reduce((sum, { spawned }) => sum + spawned, 0),
          0,
          'spawned after the first burst',
        );
        const high = Math.max(...turns.map(({ present }) => present));
        const kept = neededFor(height, policy) + (policy.mode === 'dynamic' ? policy.minSpare : 0);
        assert.ok((turns.at(-1)?.present ?? 0) >= Math.min(high, kept));
      },
    ),
    { numRuns: 100 },
  );
});

void test('whatever the load does: never more started in any second than max_spawn_rate, after the first fill', () => {
  fc.assert(
    fc.property(
      anyRule,
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.nat({ max: 60 }), { minLength: 50, maxLength: 150 }),
      anyStartMs,
      (policy, maxSpawnRate, loads, startMs) => {
        const turns = run(
          { ...policy, maxSpawnRate },
          loads.length * TICK_MS,
          startMs,
          afterMs => loads[afterMs / TICK_MS] ?? 0,
        );
        const later = turns.slice(turns.findIndex(({ spawned }) => spawned > 0) + 1);
        for (const [index] of later.entries()) {
          const second = later.slice(index, index + 1000 / TICK_MS);
          assert.ok(second.reduce((sum, { spawned }) => sum + spawned, 0) <= maxSpawnRate);
        }
        assert.ok(turns.every(({ present }) => present <= policy.maxChildren));
      },
    ),
    { numRuns: 100 },
  );
});

void test('when the load is over, all but the spare workers go, and an on-demand pool ends at zero', () => {
  fc.assert(
    fc.property(anyRule, fc.integer({ min: 1, max: 100 }), anyStartMs, (policy, height, startMs) => {
      const turns = run(policy, 60_000, startMs, afterMs => (afterMs < 5000 ? height : 0));
      const present = turns.at(-1)?.present ?? -1;
      const [least, most] = policy.mode === 'dynamic' ? [policy.minSpare, policy.maxSpare] : [0, 0];
      assert.ok(present >= least && present <= most, `${present} workers`);
    }),
    { numRuns: 60 },
  );
});

void test('a command that always dies: ever fewer attempts, one worker each', () => {
  let memory = NEW_POOL;
  let restart = NO_FAILURES;
  const attempts: { atMs: number; count: number }[] = [];
  for (let nowMs = NOW_MS; nowMs < NOW_MS + 120_000; nowMs += 20) {
    const decision = decide({ ...QUIET, nowMs, restart }, { ...STATIC, maxChildren: 20 }, memory);
    memory = decision.memory;
    for (const action of decision.actions) {
      attempts.push({ atMs: nowMs - NOW_MS, count: action.count });
      // All of them die at once, each death is noticed by itself.
      for (let i = 0; i < action.count; i++) restart = afterDeath(restart, nowMs, false, nowMs + 5);
    }
  }
  assert.equal(attempts[0]?.count, 20);
  assert.ok(attempts.slice(1).every(({ count }) => count === 1));
  assert.ok(attempts.length <= 14, `${attempts.length} attempts in two minutes`);
  const gaps = attempts.slice(1).map(({ atMs }, index) => atMs - (attempts[index]?.atMs ?? 0));
  assert.ok(
    gaps.every((gap, index) => index === 0 || gap >= (gaps[index - 1] ?? 0)),
    gaps.join(' '),
  );
});
