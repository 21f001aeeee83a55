/** The keeper is killed and started again under load: the same workers, and no failed request. */
import assert from 'node:assert/strict';
import { killKeeper } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const DEATHS = 3;
const EXPECTED = [/ended without stopping its workers/, /supervisor restarted/];
const CASES = [
  ['php', 'unix'],
  ['php', 'tcp'],
  ['plain', 'unix'],
  ['plain', 'tcp'],
  ['stubborn', 'unix'],
  ['threads', 'unix'],
  ['async', 'tcp'],
] as const;

for (const [name, transport] of CASES) {
  const program = PROGRAMS[name];
  suite(`chaos/keeper-death-${name}-${transport}`, { needs: program.needs }, async scope => {
    const options = { program, transport, daemon: { expectedLog: EXPECTED } };
    const { daemon, site } = await openField(scope, options);
    await scope.test(`${program.name}, ${transport}: killed ${DEATHS} times, 0 failed`, async () => {
      const { complaints } = await storm(scope, site, {
        clients: 16,
        disturb: killKeeper(daemon, STORM_POOL),
        isOver: times => times >= DEATHS,
      });
      assert.deepEqual(complaints, []);
    });
  });
}
