/** Workers that are replaced after a second, on a pool that is never idle: no request fails. */
import assert from 'node:assert/strict';
import { look } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

/** So many processes have answered at the end: those of the start and two rounds of successors. */
const ROUNDS = 3;
const LOST_AFTER_MS = 30_000;

for (const [name, program] of Object.entries(PROGRAMS)) {
  for (const transport of ['unix', 'tcp'] as const) {
    suite(`chaos/lifetime-${name}-${transport}`, { needs: program.needs }, async scope => {
      const { site } = await openField(scope, { program, transport, keys: { 'pm.max_lifetime': '1s' } });
      const enough = ROUNDS * program.keys['pm.max_children'];
      await scope.test(`${program.name}, ${transport}: ${enough} workers in turn, 0 failed`, async () => {
        const { complaints } = await storm(scope, site, {
          clients: 32,
          disturb: look,
          isOver: (_times, elapsedMs) => site.journal.workers() >= enough || elapsedMs > LOST_AFTER_MS,
        });
        assert.deepEqual(complaints, []);
        assert.ok(site.journal.workers() >= enough, `${site.journal.workers()} workers have answered`);
      });
    });
  }
}
