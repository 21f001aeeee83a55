/**
 * The keeper is killed where the next one may not take the listener out of the workers (no CAP_SYS_PTRACE, as in a
 * container): a new generation listens beside the old one, which is emptied. No request fails even so.
 */
import assert from 'node:assert/strict';
import { killKeeperInTheDark } from '../lib/disturb.ts';
import { MAIN } from '../lib/paths.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const WITHOUT = ['/usr/bin/setpriv', '--inh-caps=-sys_ptrace', '--bounding-set=-sys_ptrace'];
const DEATHS = 3;
const EXPECTED = [
  /ended without stopping its workers/,
  /supervisor restarted/,
  // Over TCP the kernel does not tell the connections of the old generation from those of the new one.
  /"event":"outOfTime"/,
];

for (const name of ['php', 'plain'] as const) {
  for (const transport of ['unix', 'tcp'] as const) {
    const program = PROGRAMS[name];
    const needs = [...program.needs, 'setpriv'] as const;
    suite(`root/keeper-death-without-ptrace-${name}-${transport}`, { root: true, needs }, async scope => {
      const { daemon, site } = await openField(scope, {
        program,
        transport,
        daemon: { program: [...WITHOUT, process.execPath, MAIN], expectedLog: EXPECTED },
      });
      await scope.test(`${program.name}, ${transport}: killed ${DEATHS} times, 0 failed`, async () => {
        const { complaints } = await storm(scope, site, {
          clients: 16,
          disturb: killKeeperInTheDark(daemon, STORM_POOL),
          isOver: times => times >= DEATHS,
        });
        assert.deepEqual(complaints, []);
      });
    });
  }
}
