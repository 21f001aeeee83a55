/** The size that `pause` and `scale` give a pool, as a table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldSize } from '../../../src/pool/pool-state.ts';
import { poolConfig } from '../../lib/pool-config.ts';

const ROWS: readonly [what: string, pausedAt: number | null, scaledTo: number | null, size: number | null][] =
  [
    ['neither', null, null, null],
    ['scaled', null, 9, 9],
    ['paused', 3, null, 3],
    ['paused with nobody', 0, null, 0],
    ['scaled above max_children, then paused', 9, 9, 9],
    ['the same after a reload, which ends what scale said', 9, null, 4],
  ];

for (const [what, pausedAt, scaledTo, size] of ROWS)
  void test(what, () => {
    const config = poolConfig('www', { pm: { mode: 'static', max_children: 4 } });
    assert.equal(heldSize({ config, pausedAt, scaledTo }), size);
  });
