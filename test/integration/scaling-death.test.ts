/** The supervisor dies while pools grow, drain, freeze and sleep: its successor goes on, and nobody notices. */
import assert from 'node:assert/strict';
import { DYNAMIC, startGated } from '../lib/gated.ts';
import { until } from '../lib/poll.ts';
import { readStat } from '../lib/processes.ts';
import { hasSuccessor, poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/scaling-death', { needs: ['gcc'] }, async scope => {
  const keys = { process_control_timeout: '60s', 'pm.process_idle_timeout': '1s' };
  const gated = await startGated(
    scope,
    {
      asleep: { keys: { ...keys, 'pm.mode': 'ondemand', 'pm.max_children': 4 } },
      grown: { keys: { ...keys, ...DYNAMIC } },
      draining: { keys: { ...keys, 'pm.max_children': 2 } },
      frozen: { keys: { ...keys, 'pm.max_children': 8 } },
    },
    { expectedLog: [/supervisor \d+ ended \(SIGKILL\)/, /supervisor restarted/] },
  );
  const { daemon, poolWhen } = gated;

  async function killSupervisor(): Promise<Status> {
    const { supervisor_pid: victim } = await daemon.status();
    process.kill(victim, 'SIGKILL');
    return daemon.statusWhen('another supervisor', it => hasSuccessor(it, victim));
  }

  await scope.test('an on-demand pool that sleeps is woken by the next connection', async () => {
    for (const isOpen of [false, true]) {
      await killSupervisor();
      if (!isOpen) gated.open('asleep');
      const [pid] = await gated.ask(gated.address('asleep'), 1);
      assert.equal(typeof pid, 'number', String(pid));
      await poolWhen('asleep', 'nobody', ({ workers }) => workers.total === 0);
    }
  });

  await scope.test('and by one that came while there was no supervisor', async () => {
    const { supervisor_pid: victim } = await daemon.status();
    process.kill(victim, 'SIGKILL');
    const [pid] = await gated.ask(gated.address('asleep'), 1);
    assert.equal(typeof pid, 'number', String(pid));
  });

  await scope.test('a dynamic pool that grew keeps its workers and its counters', async () => {
    const answers = gated.ask(gated.address('grown'), 5);
    await gated.untilInHand(5);
    const before = await poolWhen(
      'grown',
      'two to spare',
      it => it.workers.active === 5 && it.workers.idle === 2,
    );
    const after = poolOf(await killSupervisor(), 'grown');
    assert.deepEqual(after.counters, before.counters);
    assert.deepEqual(
      after.processes.map(it => it.pid),
      before.processes.map(it => it.pid),
    );
    gated.open('grown');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    const { counters } = await poolWhen('grown', 'max_spare_servers', ({ workers }) => workers.total === 4);
    assert.deepEqual([counters.spawned, counters.exited, counters.crashed], [7, 3, 0]);
  });

  await scope.test('an old generation that is being emptied is emptied, and nobody is cut', async () => {
    const answers = gated.ask(gated.address('draining'), 2);
    await gated.untilInHand(2);
    const old = workerPids(await daemon.status(), 'draining');
    const reload = await daemon.cli('reload', 'draining');
    assert.equal(reload.code, 0, reload.stderr);
    await poolWhen('draining', 'two leaving', ({ workers }) => workers.stopping === 2);
    const after = await killSupervisor();
    assert.ok(old.every(pid => workerPids(after, 'draining').includes(pid)));
    gated.open('draining');
    assert.deepEqual(
      (await answers).map(Number).sort((a, b) => a - b),
      old,
    );
    const { processes } = await poolWhen('draining', 'two', ({ workers }) => workers.total === 2);
    assert.ok(processes.every(({ pid, generation }) => generation === 2 && !old.includes(pid)));
  });

  await scope.test('a worker that is frozen at that moment goes on', async () => {
    gated.open('frozen');
    let caught: number | undefined;
    for (let times = 0; caught === undefined && times < 20; times++) {
      assert.equal((await daemon.cli('scale', '--force', 'frozen', '8')).code, 0);
      const { processes } = await poolWhen('frozen', 'eight', it => it.workers.idle === 8);
      const { supervisor_pid: supervisor } = await daemon.status();
      const scaling = daemon.cli('scale', 'frozen', '1');
      const pids = processes.map(({ pid }) => pid);
      // Each is frozen for a few milliseconds: there is no time to wait between two looks.
      while (caught === undefined && pids.filter(pid => readStat(pid) !== undefined).length > 1) {
        caught = pids.find(pid => readStat(pid)?.state === 'T');
        if (caught === undefined) await new Promise(setImmediate);
      }
      if (caught !== undefined) process.kill(supervisor, 'SIGKILL');
      await scaling;
    }
    assert.ok(caught !== undefined, 'nobody was seen frozen');
    // It goes on, and then it leaves: the pool is still scaled to one.
    await daemon.statusWhen('one worker', status => poolOf(status, 'frozen').workers.total === 1);
    const pids = workerPids(await daemon.status(), 'frozen');
    await until(() => pids.every(pid => readStat(pid)?.state !== 'T'), { what: 'nobody to be frozen' });
    const [pid] = await gated.ask(gated.address('frozen'), 1);
    assert.equal(pid, pids[0]);
    assert.equal(poolOf(await daemon.status(), 'frozen').counters.crashed, 0, 'we know who killed them');
  });
});
