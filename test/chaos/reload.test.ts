/** Reloads one after the other under load: no request fails, whatever the program does with signals. */
import assert from 'node:assert/strict';
import { reload } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const RELOADS = 3;

for (const [name, program] of Object.entries(PROGRAMS)) {
  for (const transport of ['unix', 'tcp'] as const) {
    suite(`chaos/reload-${name}-${transport}`, { needs: program.needs }, async scope => {
      const { daemon, site } = await openField(scope, { program, transport });
      await scope.test(`${program.name}, ${transport}: ${RELOADS} reloads, 0 failed`, async () => {
        const { complaints } = await storm(scope, site, {
          clients: 32,
          disturb: reload(daemon, STORM_POOL),
          isOver: times => times >= RELOADS,
        });
        assert.deepEqual(complaints, []);
      });
    });
  }
}
