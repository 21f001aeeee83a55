/** A pool that never pauses is scaled down and up: a generation takes over, and no request fails. */
import assert from 'node:assert/strict';
import { scale } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const { plain: program } = PROGRAMS;

for (const transport of ['unix', 'tcp'] as const) {
  suite(`chaos/scale-busy-${transport}`, { needs: program.needs }, async scope => {
    const { daemon, site } = await openField(scope, { program, transport });
    await scope.test(`${program.name}, ${transport}: scaled down and up twice, 0 failed`, async () => {
      const { complaints } = await storm(scope, site, {
        clients: 32,
        disturb: scale(daemon, STORM_POOL, [2, 4]),
        isOver: times => times >= 4,
      });
      assert.deepEqual(complaints, []);
    });
  });
}
