/** Situations that tests of the decision start from. */
import type { Memory, Policy, Snapshot } from '../../../src/pool/decide.ts';
import { NO_FAILURES } from '../../../src/pool/restart-limit.ts';

export const NOW_MS: number = 100_000;

/** `count` workers, the oldest first. */
export function workers(count: number, isReady = true): Snapshot['workers'] {
  return Array.from({ length: count }, (_, index) => ({ pid: 100 + index, isReady, startedAtMs: index }));
}

/** Nothing runs, nothing is forbidden. */
export const QUIET: Snapshot = {
  nowMs: NOW_MS,
  workers: [],
  spawning: 0,
  allowance: Number.POSITIVE_INFINITY,
  nextGeneration: null,
};
export const POLICY: Policy = { mode: 'static', size: 4, maxSpawnRate: 128 };
/** No failures, and a whole second of spawns saved. */
export const FULL: Memory = { restart: NO_FAILURES, spawnTokens: 128, tokensAtMs: NOW_MS };
