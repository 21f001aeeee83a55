/**
 * Somebody sets the wall clock, an hour forward and an hour back, and the supervisor is killed at that: what is left to
 * its successor must not be read by another clock. Nobody is killed, kept or waited for because of it.
 */
import assert from 'node:assert/strict';
import type { Daemon } from '../lib/daemon.ts';
import { startGated } from '../lib/gated.ts';
import { startLoad } from '../lib/load.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { openWallClock } from '../lib/wall-clock.ts';

const HOUR_SECONDS = 3600;

async function killSupervisor(daemon: Daemon): Promise<Status> {
  const { supervisor_pid: victim } = await daemon.status();
  process.kill(victim, 'SIGKILL');
  return daemon.statusWhen(
    'another supervisor',
    ({ supervisor_pid: pid, state }) => pid !== victim && state === 'running',
  );
}

suite('chaos/faults-clock', { needs: ['gcc'] }, async scope => {
  const clock = await openWallClock(scope);
  const gated = await startGated(
    scope,
    {
      // Each of these would act if an hour had passed, and nobody has a reason to within the test.
      aging: { keys: { 'pm.max_lifetime': '50m' } },
      hurried: { keys: { request_terminate_timeout: '50m', 'pm.max_children': 1 } },
      draining: { keys: { process_control_timeout: '50m', 'pm.max_children': 1 } },
      grown: {
        keys: {
          'pm.mode': 'dynamic',
          'pm.start_servers': 2,
          'pm.min_spare_servers': 1,
          'pm.max_spare_servers': 2,
          'pm.max_children': 8,
          'pm.process_idle_timeout': '50m',
        },
      },
      // Its waits grow to several seconds: it must go on trying when the clock is set back.
      broken: { keys: { command: ['/bin/false'] } },
    },
    {
      env: clock.env,
      ready: ({ pools }) =>
        pools.every(({ name, state }) => (name === 'broken' ? state === 'failed' : state === 'running')),
      expectedLog: [/"pool":"broken"/, /supervisor/],
    },
  );
  const { daemon } = gated;
  gated.open('aging');
  const load = startLoad(scope, gated.address('aging'), 2, body => /^\d+ \n$/.test(body));
  const hurried = gated.ask(gated.address('hurried'), 1);
  const draining = gated.ask(gated.address('draining'), 1);
  const crowd = gated.ask(gated.address('grown'), 5);
  await gated.poolWhen('grown', 'six workers', ({ workers }) => workers.total === 6);
  gated.open('grown');
  const grown = await crowd;
  const old = workerPids(await daemon.status(), 'draining');
  assert.equal((await daemon.cli('reload', 'draining')).code, 0);
  const before = await gated.poolWhen('draining', 'one leaving', ({ workers }) => workers.stopping === 1);
  const workers = (status: Status): number[] =>
    ['aging', 'hurried', 'draining', 'grown'].flatMap(name => workerPids(status, name));
  const first = workers(await daemon.status());
  const ended = (): number =>
    daemon.log().filter(({ event, pool }) => event === 'exited' && pool !== 'broken').length;
  assert.ok(before.processes.some(({ pid }) => pid === old[0]) && grown.length === 5);

  for (const [name, offset] of Object.entries({ forward: HOUR_SECONDS, back: -HOUR_SECONDS })) {
    await scope.test(
      `an hour ${name}: the same workers, requests go on, what failed is tried again`,
      async () => {
        const endedBefore = ended();
        clock.set(offset);
        const { counters } = poolOf(await daemon.status(), 'broken');
        await load.more(200);
        await daemon.statusWhen(
          'another try of the broken pool',
          it => poolOf(it, 'broken').counters.spawned > counters.spawned,
          60_000,
        );
        assert.deepEqual(workers(await daemon.status()), first);
        assert.equal(ended(), endedBefore);
      },
    );

    await scope.test(`an hour ${name}, and another supervisor: the same`, async () => {
      const endedBefore = ended();
      const { uptime_seconds: uptime, started_at: startedAt } = await daemon.status();
      clock.set(offset * 2);
      const after = await killSupervisor(daemon);
      await load.more(200);
      assert.deepEqual(workers(await daemon.status()), first);
      assert.equal(ended(), endedBefore);
      assert.ok(after.uptime_seconds >= uptime && after.uptime_seconds < uptime + HOUR_SECONDS);
      assert.equal(after.started_at, startedAt);
      for (const { uptime_seconds: age } of after.pools.flatMap(({ processes }) => processes))
        assert.ok(age >= 0 && age <= after.uptime_seconds, `${age}`);
      assert.ok(Math.abs((daemon.log().at(-1)?.time as number) / 1000 - Date.now() / 1000 - 2 * offset) < 60);
    });
  }

  await scope.test('none of the requests that were in hand all the time is lost', async () => {
    clock.set(0);
    for (const name of ['hurried', 'draining']) gated.open(name);
    assert.deepEqual((await draining).map(Number), old);
    assert.equal(typeof (await hurried)[0], 'number');
    assert.deepEqual(await load.end(), []);
    await gated.poolWhen('draining', 'one worker', ({ processes }) => processes.length === 1);
  });
});
