/** `fpm-ts scale POOL N`: up, down, to nothing and back, until the next reload, and nobody is cut for it. */
import assert from 'node:assert/strict';
import { DYNAMIC, type Gated, startGated } from '../lib/gated.ts';
import type { PoolKeys } from '../lib/pools.ts';
import { readStat } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const MODES: Readonly<Record<string, { readonly keys: PoolKeys; readonly size: number }>> = {
  static: { keys: { 'pm.max_children': 2 }, size: 2 },
  dynamic: { keys: DYNAMIC, size: 3 },
  ondemand: { keys: { 'pm.mode': 'ondemand', 'pm.process_idle_timeout': '1s' }, size: 0 },
};

async function scale({ daemon, poolWhen }: Gated, pool: string, size: number): Promise<void> {
  const { code, stderr } = await daemon.cli('scale', '--force', pool, String(size));
  assert.equal(code, 0, stderr);
  await poolWhen(pool, `${size} workers`, ({ workers }) => workers.total === size && workers.starting === 0);
}

suite('integration/scaling-scale', { needs: ['gcc'] }, async scope => {
  const pools = Object.entries(MODES).map(([name, { keys }]) => [name, { keys }] as const);
  const gated = await startGated(scope, Object.fromEntries(pools));
  const { daemon, poolWhen } = gated;

  for (const name of Object.keys(MODES)) {
    gated.open(name);
    await scope.test(`${name}: up, beyond max_children, and down`, async () => {
      for (const size of [5, 14, 1]) await scale(gated, name, size);
      const { counters } = poolOf(await daemon.status(), name);
      assert.equal(counters.max_children_reached, 0);
    });
    await scope.test(`${name}: to nothing, where connections wait, and back`, async () => {
      await scale(gated, name, 0);
      const answers = gated.ask(gated.address(name), 2);
      await poolWhen(name, 'two to wait', ({ queue }) => queue.length === 2);
      assert.equal(poolOf(await daemon.status(), name).workers.total, 0);
      await scale(gated, name, 2);
      assert.deepEqual(
        (await answers).filter(it => typeof it === 'string'),
        [],
      );
    });
  }

  await scope.test('until the next reload', async () => {
    for (const name of Object.keys(MODES)) await scale(gated, name, 4);
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
    for (const [name, { size }] of Object.entries(MODES)) {
      await poolWhen(name, `${size} workers`, ({ workers, processes }) => {
        // What was there for the reload is kept for process_idle_timeout.
        const isSize =
          name === 'static' ? workers.total === size : workers.total >= size && workers.total <= 4;
        return isSize && processes.every(({ generation }) => generation === 2);
      });
    }
    await poolWhen('ondemand', 'nobody', ({ workers }) => workers.total === 0);
  });
});

suite('integration/scaling-scale-busy', { needs: ['gcc'] }, async scope => {
  const keys = { process_control_timeout: '60s' };
  const gated = await startGated(scope, {
    static: { keys: { ...keys, 'pm.max_children': 4 } },
    dynamic: { keys: { ...keys, ...DYNAMIC } },
  });
  const { daemon, poolWhen } = gated;

  for (const name of ['static', 'dynamic']) {
    await scope.test(
      `${name}: busy workers of a program that loses requests on a signal finish them`,
      async () => {
        const answers = gated.ask(gated.address(name), 4);
        await gated.untilInHand(4);
        await poolWhen(name, 'four busy', ({ workers }) => workers.active === 4);
        assert.equal((await daemon.cli('scale', name, '1')).code, 0);
        // Nobody is idle: a generation takes over, the old one is emptied.
        const { processes } = await poolWhen(name, 'another generation', ({ workers }) => {
          return workers.stopping >= 4 && workers.total - workers.stopping === 1;
        });
        for (const { generation, state } of processes) assert.equal(generation, state === 'stopping' ? 1 : 2);
        gated.open(name);
        assert.deepEqual(
          (await answers).filter(it => typeof it === 'string'),
          [],
        );
        await poolWhen(name, 'one worker', ({ workers }) => workers.total === 1);
        gated.close(name);
        const { stdout } = await daemon.cli('explain', name);
        assert.match(stdout, /1 worker is what `fpm-ts scale` asked for/);
        assert.match(stdout, /its listener gets nothing new: it is told to stop when the queue is empty/);
      },
    );
  }
});

suite('integration/scaling-debugged', { needs: ['gcc'] }, async scope => {
  const keys = { 'pm.max_children': 3, process_control_timeout: '2s' };
  const gated = await startGated(
    scope,
    { told: { keys: { ...keys, stop_is_graceful: true } }, frozen: { keys } },
    { expectedLog: [/"event":"outOfTime"/] },
  );
  const { daemon } = gated;

  for (const name of ['told', 'frozen']) {
    await scope.test(
      `${name}: a worker that somebody has stopped is left alone, until the pool is stopped and its time is over`,
      async () => {
        // The youngest is the first to go.
        const { processes } = poolOf(await daemon.status(), name);
        const youngest = processes.toSorted((a, b) => a.uptime_seconds - b.uptime_seconds)[0]?.pid ?? 0;
        process.kill(youngest, 'SIGSTOP');
        await scale(gated, name, 2);
        await scale(gated, name, 1);
        assert.deepEqual(workerPids(await daemon.status(), name), [youngest]);
        assert.equal(readStat(youngest)?.state, 'T');
        const stop = await daemon.cli('stop', name);
        assert.equal(stop.code, 0, stop.stderr);
        assert.equal(readStat(youngest), undefined);
        assert.deepEqual(
          daemon
            .log()
            .filter(({ event, pid }) => event === 'exited' && pid === youngest)
            .map(it => it.reason),
          ['poolStopped'],
        );
        const outOfTime = daemon.log().filter(({ event, pool }) => event === 'outOfTime' && pool === name);
        assert.deepEqual(
          outOfTime.map(it => it.pid),
          [youngest],
        );
      },
    );
  }
});
