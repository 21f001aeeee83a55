/** Situations that tests of the decision start from. */

import { NO_FAILURES } from '../../../../src/pool/restart-limit.ts';
import { type Memory, NEW_POOL, type Snapshot } from '../../../../src/pool/scaling/decide.ts';
import type { DynamicPolicy, OnDemandPolicy, StaticPolicy } from '../../../../src/pool/scaling/policy.ts';

export const NOW_MS: number = 100_000;
export const IDLE_TIMEOUT_MS: number = 10_000;

/** Nothing runs, nobody asks, nothing is forbidden. */
export const QUIET: Snapshot = {
  nowMs: NOW_MS,
  ready: 0,
  starting: 0,
  load: { accepted: 0, waiting: 0 },
  restart: NO_FAILURES,
  allowance: Number.POSITIVE_INFINITY,
  memoryShort: null,
  nextGeneration: null,
};

const SIZING = {
  maxChildren: 20,
  maxSpawnRate: 128,
  workerConcurrency: 1,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
  scaledTo: null,
};
export const STATIC: StaticPolicy = { ...SIZING, mode: 'static', maxChildren: 4 };
export const DYNAMIC: DynamicPolicy = {
  ...SIZING,
  mode: 'dynamic',
  startServers: 4,
  minSpare: 2,
  maxSpare: 6,
};
export const ON_DEMAND: OnDemandPolicy = { ...SIZING, mode: 'ondemand' };

/** A pool that has run quietly for a long time. */
export const SETTLED: Memory = {
  ...NEW_POOL,
  isFilled: true,
  demand: { sinceMs: NOW_MS - 10 * IDLE_TIMEOUT_MS, sights: [{ atMs: NOW_MS - 100, connections: 0 }] },
};

/** The same, after so many connections at a time some time ago. */
export function afterPeak(connections: number, agoMs: number): Memory {
  const peak = { atMs: NOW_MS - agoMs, connections };
  return { ...SETTLED, demand: { ...SETTLED.demand, sights: [peak, ...SETTLED.demand.sights] } };
}
