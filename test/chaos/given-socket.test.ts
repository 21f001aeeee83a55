/** On a socket that a service manager holds, clients wait while nobody serves: stopped and started, 0 failed. */
import assert from 'node:assert/strict';
import { restart, stopAndStart } from '../lib/disturb.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const TIMES = 3;
const program = PROGRAMS.php;

suite('chaos/given-socket', { needs: program.needs }, async scope => {
  const { daemon, site } = await openField(scope, { program, transport: 'given' });
  const disturbances = {
    'stop POOL and start POOL': stopAndStart(daemon, STORM_POOL),
    'stop, and started again by the service manager': restart(daemon),
  };
  for (const [name, disturb] of Object.entries(disturbances)) {
    await scope.test(`${name}, ${TIMES} times, 0 failed`, async () => {
      const isOver = (times: number): boolean => times >= TIMES;
      const { complaints } = await storm(scope, site, { clients: 32, disturb, isOver });
      assert.deepEqual(complaints, []);
    });
  }
});
