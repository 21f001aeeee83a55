/** The replay of arrivals through the policy: queues whose outcome can be worked out by hand, and their order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Policy } from '../../../../src/pool/scaling/policy.ts';
import { type Arrival, Arrivals, LONGEST_REQUEST_MS } from '../../../../src/pool/simulation/arrivals.ts';
import { neighbours } from '../../../../src/pool/simulation/neighbours.ts';
import { type Outcome, Simulation } from '../../../../src/pool/simulation/simulate.ts';
import { DYNAMIC, ON_DEMAND, STATIC } from '../scaling/situations.ts';

interface Setting {
  readonly startMs?: number;
  readonly backlog?: number;
}

function simulate(
  policy: Policy,
  arrivals: readonly Arrival[],
  { startMs = 50, backlog = 511 }: Setting = {},
): Outcome {
  const simulation = new Simulation({ policy, startMs, backlog });
  for (const arrival of arrivals) simulation.arrive(arrival);
  return simulation.finish();
}

const T0 = 1_700_000_000_000;
const at = (atMs: number, serviceMs: number): Arrival => ({ atMs: T0 + atMs, serviceMs });
const times = (count: number, arrival: Arrival): Arrival[] => Array.from({ length: count }, () => arrival);

/** The histogram has three significant figures. */
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected / 500, `${actual} is not ${expected}`);
}

void test('a static pool of one: the second waits for the first, the third for both', () => {
  const outcome = simulate({ ...STATIC, maxChildren: 1 }, [at(0, 100), at(10, 100), at(20, 100)]);
  near(outcome.waitMs.p50, 90);
  near(outcome.waitMs.max, 180);
  assert.deepEqual([outcome.spawns, outcome.workers], [0, { mean: 1, max: 1 }]);
});

void test('a worker that serves two connections has room for the second', () => {
  const policy = { ...STATIC, maxChildren: 1, workerConcurrency: 2 };
  assert.equal(simulate(policy, [at(0, 100), at(10, 100)]).waitMs.max, 0);
});

void test('on demand, N at once: woken by the first, N workers at the next look, all wait for the start at most', () => {
  const outcome = simulate(ON_DEMAND, times(6, at(0, 500)), { startMs: 40 });
  assert.deepEqual([outcome.spawns, outcome.workers.max], [6, 6]);
  near(outcome.waitMs.p50, 60);
});

void test('on demand, once a minute: a start each; within process_idle_timeout: one', () => {
  const every = (periodMs: number): Outcome =>
    simulate(
      ON_DEMAND,
      Array.from({ length: 10 }, (_, index) => at(index * periodMs, 300)),
    );
  assert.deepEqual([every(60_000).spawns, every(9_000).spawns], [10, 1]);
});

void test('quiet hours cost nothing: a worker that went is not counted', () => {
  const outcome = simulate(ON_DEMAND, [at(0, 300), at(100_000_000, 300)]);
  assert.ok(outcome.workers.mean < 0.001, `${outcome.workers.mean}`);
});

void test('a burst on a dynamic pool with 2 spare: those that waited waited for one look and one start', () => {
  const policy = { ...DYNAMIC, startServers: 2, minSpare: 2, maxSpare: 4, maxChildren: 64 };
  const outcome = simulate(policy, times(64, at(1000, 500)), { startMs: 50 });
  assert.deepEqual([outcome.workers.max, outcome.spawns], [64, 62]);
  assert.ok(outcome.waitMs.max <= 151, `${outcome.waitMs.max}`);
});

void test('the same after a night without a request', () => {
  const policy = { ...DYNAMIC, startServers: 2, minSpare: 2, maxSpare: 4, maxChildren: 64 };
  const outcome = simulate(policy, [at(0, 100), ...times(64, at(40_000_000, 500))]);
  assert.ok(outcome.waitMs.max <= 151, `${outcome.waitMs.max}`);
});

void test('what the backlog does not hold is refused', () => {
  const outcome = simulate({ ...STATIC, maxChildren: 1 }, times(10, at(0, 100)), { backlog: 4 });
  assert.deepEqual([outcome.requests, outcome.refused], [10, 5]);
});

void test('neighbours differ from the sizing in what they are named for, and are valid themselves', () => {
  assert.deepEqual(
    neighbours(DYNAMIC).map(({ name }) => name),
    [
      'as configured',
      'max_children 10',
      'max_children 40',
      'spare 1 to 3',
      'spare 4 to 12',
      'process_idle_timeout 5s',
      'process_idle_timeout 20s',
    ],
  );
  for (const { policy } of neighbours({
    ...DYNAMIC,
    maxChildren: 3,
    minSpare: 2,
    maxSpare: 3,
    startServers: 3,
  })) {
    if (policy.mode !== 'dynamic') continue;
    const { minSpare, startServers, maxSpare, maxChildren } = policy;
    assert.ok(
      minSpare >= 1 && minSpare <= startServers && startServers <= maxSpare && maxSpare <= maxChildren,
    );
  }
});

const anyRequests = fc.array(fc.record({ gapMs: fc.nat({ max: 500 }), serviceMs: fc.nat({ max: 2000 }) }), {
  minLength: 1,
  maxLength: 100,
});

void test('every request is served or refused, no worker is above max_children, more workers never wait longer', () => {
  fc.assert(
    fc.property(anyRequests, fc.constantFrom<Policy>(STATIC, DYNAMIC, ON_DEMAND), (requests, policy) => {
      let nowMs = 0;
      const arrivals = requests.map(({ gapMs, serviceMs }) => {
        nowMs += gapMs;
        return at(nowMs, serviceMs);
      });
      const outcome = simulate(policy, arrivals);
      assert.equal(outcome.requests, requests.length);
      assert.ok(outcome.workers.max <= policy.maxChildren);
      assert.ok(outcome.workers.mean <= outcome.workers.max);
      const { p50, p95, p99, max } = outcome.waitMs;
      assert.ok(p50 <= p95 && p95 <= p99 && p99 <= max);
      const larger = simulate({ ...STATIC, maxChildren: policy.maxChildren }, arrivals);
      assert.ok(larger.waitMs.max <= max * 1.01, 'a full static pool waits no longer');
    }),
    { numRuns: 100 },
  );
});

void test('a log is in the order of ends; its requests come out in the order of their arrival', () => {
  fc.assert(
    fc.property(anyRequests, requests => {
      const arrivals: number[] = [];
      const sorter = new Arrivals(({ atMs }) => arrivals.push(atMs));
      let endMs = T0;
      for (const { gapMs, serviceMs } of requests) {
        endMs += gapMs * 100;
        sorter.ended(endMs, serviceMs * 10, serviceMs);
      }
      sorter.finish();
      endMs = T0;
      const expected = requests.map(({ gapMs, serviceMs }) => {
        endMs += gapMs * 100;
        return endMs - serviceMs * 10;
      });
      assert.deepEqual(
        arrivals,
        expected.toSorted((a, b) => a - b),
      );
    }),
  );
});

void test('a request that took hours does not come before what was passed on already', () => {
  const arrivals: Arrival[] = [];
  const sorter = new Arrivals(arrival => arrivals.push(arrival));
  sorter.ended(T0, 10, 10);
  sorter.ended(T0 + LONGEST_REQUEST_MS + 100, 10 * LONGEST_REQUEST_MS, 10 * LONGEST_REQUEST_MS);
  sorter.finish();
  assert.deepEqual(
    arrivals.map(({ atMs }) => atMs - T0),
    [-10, 100],
  );
});

void test('a line that comes too late, as of another nginx process, is not lost and does not go back in time', () => {
  const arrivals: number[] = [];
  const sorter = new Arrivals(({ atMs }) => arrivals.push(atMs - T0));
  for (const endMs of [0, LONGEST_REQUEST_MS + 100, -5000]) sorter.ended(T0 + endMs, 10, 10);
  sorter.finish();
  assert.deepEqual(arrivals, [-10, -10, LONGEST_REQUEST_MS + 90]);
});
