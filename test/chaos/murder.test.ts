/** Workers killed at random under load: only the requests that they had in hand fail, and the pool is whole again. */
import assert from 'node:assert/strict';
import { murderer, unexplained, workersOf } from '../lib/murder.ts';
import { poolOf } from '../lib/status.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const KILLS = 40;
const KILL_EVERY_MS = 50;
const WORKERS = 8;
const program = PROGRAMS.plain;

suite('chaos/murder', { needs: program.needs }, async scope => {
  const keys = { 'pm.max_children': WORKERS };
  const expectedLog = [/SIGKILL/];
  const { daemon, site } = await openField(scope, {
    program,
    transport: 'unix',
    keys,
    daemon: { expectedLog },
  });
  const { pid, supervisor_pid } = await daemon.status();
  const { strike, killed } = murderer(() => workersOf(pid, supervisor_pid), KILL_EVERY_MS);

  await scope.test('only requests on killed workers fail', async () => {
    const isOver = (times: number): boolean => times >= KILLS;
    const { failures } = await storm(scope, site, { clients: 32, disturb: strike, isOver });
    assert.deepEqual(unexplained(failures, site.journal.read(), killed), []);
  });

  await scope.test('a worker that served is replaced at once: no back-off', async () => {
    const status = await daemon.statusWhen(
      'all workers',
      it => poolOf(it, STORM_POOL).workers.total === WORKERS,
    );
    assert.equal(poolOf(status, STORM_POOL).state, 'running');
    assert.deepEqual(
      daemon.log().filter(it => it.event === 'backingOff'),
      [],
    );
  });
});
