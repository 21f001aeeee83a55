/** The same demand for both rules: what is drawn in docs/scaling.md. No clock: time is what the loop says. */

import { afterDeath, afterSuccess, NO_FAILURES, YOUNG_MS } from '../../../src/pool/restart-limit.ts';
import { decide, NEW_POOL } from '../../../src/pool/scaling/decide.ts';
import type { DynamicPolicy } from '../../../src/pool/scaling/policy.ts';
import { PHP_FPM_TICK_MS, phpFpmDecides } from './php-fpm.ts';
import type { Point } from './plot.ts';

const TICK_MS = 100;
/** From asking for a worker until it accepts. */
const START_MS = 50;

export const POLICY: DynamicPolicy = {
  mode: 'dynamic',
  maxChildren: 40,
  startServers: 4,
  minSpare: 2,
  maxSpare: 6,
  maxSpawnRate: 128,
  workerConcurrency: 1,
  idleTimeoutMs: 10_000,
  scaledTo: null,
};

/** Connections that are there at a time, by milliseconds since the begin. */
export type Demand = (atMs: number) => number;

export function step(atMs: number): number {
  return atMs >= 5000 && atMs < 30_000 ? 30 : 1;
}

export function ramp(atMs: number): number {
  const seconds = atMs / 1000;
  if (seconds < 5) return 0;
  if (seconds < 35) return Math.floor(seconds - 5);
  return seconds < 45 ? 30 : Math.max(0, Math.floor(75 - seconds));
}

/** Of 1.5 seconds every 6. */
export function bursts(atMs: number): number {
  return atMs >= 3000 && (atMs - 3000) % 6000 < 1500 ? 24 : 1;
}

/** Workers that are ready, as fpm-ts would have them. */
export function ours(demand: Demand, durationMs: number): Point[] {
  const points: Point[] = [];
  let memory = NEW_POOL;
  let ready = POLICY.startServers;
  let starting = 0;
  let readyAtMs = 0;
  for (let nowMs = 0; nowMs <= durationMs; nowMs += START_MS) {
    if (starting > 0 && nowMs >= readyAtMs) {
      ready += starting;
      starting = 0;
    }
    if (nowMs % TICK_MS === 0 || starting > 0) {
      const connections = demand(nowMs);
      const accepted = Math.min(connections, ready);
      const load = { accepted, waiting: connections - accepted };
      const decision = decide({ ...QUIET, nowMs, ready, starting, load }, POLICY, memory);
      memory = decision.memory;
      for (const action of decision.actions) {
        if (action.type === 'retire') ready -= action.count;
        else {
          starting += action.count;
          readyAtMs = nowMs + START_MS;
        }
      }
    }
    points.push([nowMs / 1000, ready]);
  }
  return points;
}

const QUIET = {
  restart: NO_FAILURES,
  allowance: Number.POSITIVE_INFINITY,
  memoryShort: null,
  nextGeneration: null,
};

/** The same as php-fpm would have them; its turns do not fall on the moments at which the demand changes. */
export function phpFpm(demand: Demand, durationMs: number): Point[] {
  const points: Point[] = [];
  const policy = { ...POLICY, maxSpawnRate: 32 } as const;
  let running = POLICY.startServers;
  let spawnRate = 1;
  for (let nowMs = 0; nowMs <= durationMs; nowMs += START_MS) {
    if (nowMs % PHP_FPM_TICK_MS === PHP_FPM_TICK_MS / 2) {
      const active = Math.min(demand(nowMs), running);
      const decision = phpFpmDecides({ running, active }, policy, spawnRate);
      running += decision.spawn - decision.retire;
      spawnRate = decision.spawnRate;
    }
    points.push([nowMs / 1000, running]);
  }
  return points;
}

/** Between these, workers end 30 ms after their start; at the first, all that there are end. */
export const CRASH = { fromMs: 5000, untilMs: 35_000, livesMs: 30, workers: 4 };

/** Workers started so far, of a pool whose command is broken for a while. */
export function ourStarts(durationMs: number): Point[] {
  const points: Point[] = [];
  let [memory, restart] = [NEW_POOL, NO_FAILURES];
  let born: number[] = Array.from({ length: CRASH.workers }, () => -YOUNG_MS);
  let starts = 0;
  for (let nowMs = 0; nowMs <= durationMs; nowMs += 10) {
    const isBroken = nowMs >= CRASH.fromMs && nowMs < CRASH.untilMs;
    const [died, living] = [born.filter(dies), born.filter(at => !dies(at))];
    function dies(at: number): boolean {
      return isBroken && (at < CRASH.fromMs || nowMs - at >= CRASH.livesMs);
    }
    // Those that had served for long count as no failure, as in the supervisor.
    for (const at of died) restart = afterDeath(restart, at, nowMs - at >= YOUNG_MS, nowMs);
    for (const at of living) restart = afterSuccess(restart, at, nowMs);
    born = living;
    const ready = isBroken ? 0 : born.filter(at => nowMs - at >= START_MS).length;
    const load = { accepted: Math.min(2, ready), waiting: 2 - Math.min(2, ready) };
    const snapshot = { ...QUIET, nowMs, ready, starting: born.length - ready, load, restart };
    const decision = decide(snapshot, POLICY, memory);
    memory = decision.memory;
    for (const action of decision.actions) {
      if (action.type !== 'spawn') continue;
      starts += action.count;
      born.push(...Array.from({ length: action.count }, () => nowMs));
    }
    points.push([nowMs / 1000, starts]);
  }
  return points;
}

/** php-fpm replaces what dies at once. */
export function phpFpmStarts(durationMs: number): Point[] {
  const points: Point[] = [];
  let starts = 0;
  for (let nowMs = 0; nowMs <= durationMs; nowMs += 10) {
    const isBroken = nowMs >= CRASH.fromMs && nowMs < CRASH.untilMs;
    if (isBroken && (nowMs - CRASH.fromMs) % CRASH.livesMs === 0) starts += CRASH.workers;
    points.push([nowMs / 1000, starts]);
  }
  return points;
}
