/** What a terminal shows while a reload is waited for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressText } from '../../../src/cli/progress.ts';
import type { PoolStatus, Status } from '../../../src/observe/status.ts';

function statusOf(pools: readonly (Pick<PoolStatus, 'name' | 'reload'> & { stopping: number })[]): Status {
  return {
    pools: pools.map(({ stopping, ...pool }) => ({ ...pool, workers: { stopping } })),
  } as unknown as Status;
}

void test('the generation that comes up, then the one that goes', () => {
  const coming = { generation: 2, ready: 3, size: 8 };
  const status = statusOf([
    { name: 'api', reload: null, stopping: 2 },
    { name: 'still', reload: null, stopping: 0 },
    { name: 'www', reload: coming, stopping: 1 },
  ]);
  assert.equal(
    progressText(status),
    'reloading: api 2 old workers finish what they have in hand; www 3 of 8 new workers are ready',
  );
});

void test('nothing to tell yet', () => {
  assert.equal(progressText(statusOf([])), 'reloading');
});
