/**
 * The real supervisor and its pools against a keeper, a kernel and a clock that the test makes: whatever is asked in
 * whatever order, and whatever fails or dies meanwhile, what the design promises holds (DESIGN D3, D4, D11).
 *
 * FPM_TS_MODEL_RUNS=5000 plays more scenarios, FPM_TS_MODEL_SEED=N those of a run that failed.
 */
import { test } from 'node:test';
import * as fc from 'fast-check';
import { play, scenario } from './operations.ts';

const RUNS = Number(process.env.FPM_TS_MODEL_RUNS ?? 150);
const seed = process.env.FPM_TS_MODEL_SEED;

void test('whatever happens to pools, their supervisor and their keeper, what is promised holds', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, it => play(it)),
    { numRuns: RUNS, ...(seed !== undefined && { seed: Number(seed) }) },
  );
});
