/** Upgrades in a row while a web server sends requests: the same pid, the same workers, 0 failed. */
import assert from 'node:assert/strict';
import type { Daemon } from '../lib/daemon.ts';
import type { Disturbance } from '../lib/disturb.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { openDescriptors } from '../lib/processes.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL, type Transport } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';
import { openVersions, type Versions } from '../lib/versions.ts';

const VERSIONS = ['2.0.0', '2.1.0'];
const CLIENTS = 16;

/** Goes to the other version each time; whatever is not as before is a complaint. */
function upgrade(daemon: Daemon, versions: Versions): Disturbance {
  let turn = 0;
  const facts = (status: Status): unknown => ({
    pid: status.pid,
    workers: workerPids(status, STORM_POOL),
    counters: poolOf(status, STORM_POOL).counters,
  });
  return async () => {
    const before = facts(await daemon.status());
    const version = VERSIONS[turn++ % VERSIONS.length] ?? '';
    versions.use(version);
    const { code, stderr } = await daemon.cli('upgrade');
    if (code !== 0) return [`exit code ${code}: ${stderr}`];
    const status = await daemon.status();
    assert.equal(status.version, version);
    assert.deepEqual(facts(status), before);
    return [];
  };
}

const FIELDS: readonly (readonly [transport: Transport, program: keyof typeof PROGRAMS, times: number])[] = [
  ['unix', 'plain', 5],
  ['tcp', 'php', 3],
];

for (const [transport, name, times] of FIELDS) {
  const program = PROGRAMS[name];
  suite(`chaos/upgrade-${transport}`, { needs: program.needs }, async scope => {
    const versions = openVersions(scope, '1.0.0');
    const field = openInner(scope, 'field');
    const { daemon, site } = await openField(field, {
      program,
      transport,
      daemon: { program: [process.execPath, versions.main], expectedLog: [/SIGKILL/] },
    });
    const disturb = upgrade(daemon, versions);

    await scope.test(`${times} upgrades in a row under load: 0 failed, the same workers`, async () => {
      const held = openDescriptors(daemon.pid);
      const isOver = (done: number): boolean => done >= times;
      const result = await storm(field, site, { clients: CLIENTS, disturb, isOver });
      assert.deepEqual(result.complaints, []);
      assert.equal(result.times, times);
      // What whoever started it had left open is gone; and it may be writing its state right now.
      await until(() => openDescriptors(daemon.pid) <= held, { what: 'no more descriptors than before' });
      scope.diagnostic(`${result.verified} requests in ${result.seconds.toFixed(1)} s`);
    });

    await scope.test(
      'a worker that dies in the middle of one is accounted for once, and replaced',
      async () => {
        const before = poolOf(await daemon.status(), STORM_POOL);
        const victim = before.processes[0]?.pid ?? 0;
        const going = daemon.cli('upgrade');
        const upgrades = (): number => daemon.log().filter(({ event }) => event === 'upgrading').length;
        const done = upgrades();
        await until(() => upgrades() > done, { what: 'it to begin' });
        process.kill(victim, 'SIGKILL');
        assert.equal((await going).code, 0);
        const after = poolOf(
          await daemon.statusWhen('a whole pool without it', it => {
            const pids = workerPids(it, STORM_POOL);
            return pids.length === before.processes.length && !pids.includes(victim);
          }),
          STORM_POOL,
        );
        const { crashed, exited, spawned } = before.counters;
        assert.deepEqual(
          [after.counters.crashed, after.counters.exited, after.counters.spawned],
          [crashed + 1, exited + 1, spawned + 1],
        );
        assert.equal(daemon.log().filter(it => it.event === 'exited' && it.pid === victim).length, 1);
      },
    );
  });
}
