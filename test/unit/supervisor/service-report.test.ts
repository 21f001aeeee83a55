/** The line that `systemctl status` shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServicePhase } from '../../../src/keeper/protocol.ts';
import type { LastReload } from '../../../src/observe/status.ts';
import { type PoolNews, statusLine } from '../../../src/supervisor/service-report.ts';

function pool(name: string, workers: number, facts: Partial<PoolNews> = {}): PoolNews {
  return {
    name,
    workers,
    isWanted: true,
    isFailed: false,
    hasGivenUp: false,
    hasBeenWhole: true,
    lastFailure: '',
    ...facts,
  };
}

const FAILED: LastReload = { at: '2026-01-01T00:00:00Z', ok: false, code: 78, message: 'a typing error' };
const BROKEN = { isFailed: true, hasGivenUp: true, hasBeenWhole: false, lastFailure: 'ended with code 1' };

const ROWS: readonly (readonly [ServicePhase, readonly PoolNews[], LastReload | null, string])[] = [
  ['running', [], null, 'running; 0 pools, 0 workers'],
  ['running', [pool('www', 1)], null, 'running; 1 pool, 1 worker'],
  ['running', [pool('www', 40), pool('api', 2)], { ...FAILED, ok: true }, 'running; 2 pools, 42 workers'],
  [
    'starting',
    [pool('www', 2), pool('api', 0, { hasBeenWhole: false })],
    null,
    'starting; 2 pools, 2 workers; waiting for api',
  ],
  [
    'running',
    [pool('www', 2), pool('api', 1, BROKEN)],
    null,
    'running; 2 pools, 3 workers; pool api failed: ended with code 1',
  ],
  [
    'running',
    [pool('www', 2), pool('api', 0, { isWanted: false })],
    null,
    'running; 2 pools, 2 workers; stopped: api',
  ],
  ['running', [pool('www', 2)], FAILED, 'running; 1 pool, 2 workers; the last reload failed: a typing error'],
  ['reloading', [pool('www', 2)], FAILED, 'reloading; 1 pool, 2 workers'],
  ['stopping', [pool('www', 2, { isWanted: false })], FAILED, 'stopping; 1 pool, 2 workers'],
];

for (const [phase, pools, lastReload, line] of ROWS)
  void test(line, () => assert.equal(statusLine(phase, pools, lastReload), line));
