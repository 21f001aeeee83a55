/** A pool with idle moments is scaled down and up: no request fails. */
import assert from 'node:assert/strict';
import { scale } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const TIMES = 8;

for (const [name, program] of Object.entries(PROGRAMS)) {
  for (const transport of ['unix', 'tcp'] as const) {
    suite(`chaos/scale-${name}-${transport}`, { needs: program.needs }, async scope => {
      const { daemon, site } = await openField(scope, { program, transport, keys: { 'pm.max_children': 8 } });
      await scope.test(`${program.name}, ${transport}: scaled ${TIMES} times, 0 failed`, async () => {
        const { complaints } = await storm(scope, site, {
          clients: 4,
          pauseMs: 30,
          disturb: scale(daemon, STORM_POOL, [2, 8]),
          isOver: times => times >= TIMES,
        });
        assert.deepEqual(complaints, []);
      });
    });
  }
}
