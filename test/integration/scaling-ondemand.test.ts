/** On-demand pools: nothing at rest, woken by the kernel, as many workers as connections, and back to nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { unixSocket } from '../lib/ask-pool.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { type Gated, startGated } from '../lib/gated.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import type { PoolKeys } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { descendants } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const ON_DEMAND: PoolKeys = {
  'pm.mode': 'ondemand',
  'pm.max_children': 8,
  'pm.process_idle_timeout': '2s',
};

const untilAtRest = async ({ poolWhen }: Gated): Promise<void> =>
  void (await poolWhen('www', 'nobody', ({ workers }) => workers.total === 0));

for (const transport of ['unix', 'tcp', 'given'] as const) {
  suite(`integration/scaling-ondemand-${transport}`, { needs: ['gcc'] }, async scope => {
    const port = await freePort();
    const given = join(scope.dir, 'given.sock');
    const launcher = ['/usr/bin/perl', placeFixture(scope, 'perl/listen-and-exec.pl'), `www=${given}`, '--'];
    const listen = { unix: undefined, tcp: `127.0.0.1:${port}`, given: 'systemd:www' }[transport];
    const gated = await startGated(
      scope,
      { www: { keys: listen === undefined ? ON_DEMAND : { ...ON_DEMAND, 'listen.address': listen } } },
      transport === 'given' ? { program: [...launcher, process.execPath, MAIN] } : {},
    );
    const { daemon, poolWhen } = gated;
    const address = {
      unix: gated.address('www'),
      tcp: { type: 'tcp', host: '127.0.0.1', port } as const,
      given: unixSocket(given),
    }[transport];

    await scope.test('at rest there is no worker', async () => {
      const { supervisor_pid: supervisor, pools } = await daemon.status();
      assert.deepEqual(
        pools.map(({ state, workers, counters }) => [state, workers.total, counters.spawned]),
        [['running', 0, 0]],
      );
      assert.deepEqual(
        descendants(daemon.pid).map(({ pid }) => pid),
        [supervisor],
      );
    });

    await scope.test('five connections at once get five workers', async () => {
      const answers = gated.ask(address, 5);
      await gated.untilInHand(5);
      const { workers, counters } = await poolWhen('www', 'five busy', it => it.workers.active === 5);
      assert.deepEqual([workers.total, workers.idle, counters.spawned], [5, 0, 5]);
      gated.open('www');
      const pids = await answers;
      assert.equal(new Set(pids.filter(pid => typeof pid === 'number')).size, 5, pids.join());
    });

    await scope.test(
      'after process_idle_timeout nobody is left, and the next one wakes the pool',
      async () => {
        await untilAtRest(gated);
        const [pid] = await gated.ask(address, 1);
        assert.equal(typeof pid, 'number', String(pid));
        // It may answer before the supervisor hears that it was started.
        const { counters } = await poolWhen('www', 'the sixth', it => it.counters.spawned >= 6);
        assert.deepEqual([counters.spawned, counters.exited, counters.crashed], [6, 5, 0]);
        await untilAtRest(gated);
      },
    );

    await scope.test('who knocks and is gone at once leaves nothing behind', async () => {
      const before = poolOf(await daemon.status(), 'www').counters.spawned;
      const target = address.type === 'unix' ? { path: address.path } : { host: '127.0.0.1', port };
      for (let times = 0; times < 3; times++) {
        const socket = connect(target);
        await once(socket, 'connect');
        socket.destroy();
      }
      const [pid] = await gated.ask(address, 1);
      assert.equal(typeof pid, 'number', String(pid));
      await untilAtRest(gated);
      const { spawned } = poolOf(await daemon.status(), 'www').counters;
      const { stdout: why } = await daemon.cli('explain', 'www');
      assert.ok(spawned - before <= 4, `${spawned - before} workers for one request: ${why}`);
    });
  });
}

suite('integration/scaling-ondemand-short', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(scope, { www: { keys: ON_DEMAND } });
  gated.open('www');

  await scope.test(
    'a worker whose requests are too short to be seen stays as long as it is used',
    async () => {
      const [first] = await gated.ask(gated.address('www'), 1);
      // Three times process_idle_timeout.
      for (const endMs = performance.now() + 6000; performance.now() < endMs; await delay(100)) {
        const [pid] = await gated.ask(gated.address('www'), 1);
        if (pid !== first)
          assert.fail(`${pid} after ${first}: ${(await gated.daemon.cli('explain', 'www')).stdout}`);
      }
      const { counters } = poolOf(await gated.daemon.status(), 'www');
      assert.deepEqual([counters.spawned, counters.exited], [1, 0]);
      await untilAtRest(gated);
    },
  );
});

suite('integration/scaling-ondemand-broken', { needs: ['gcc'] }, async scope => {
  const command = ['/bin/sh', '-c', 'exit 3'];
  const gated = await startGated(
    scope,
    { www: { keys: { ...ON_DEMAND, command } } },
    { expectedLog: [/"pool":"www"/] },
  );
  const { daemon, poolWhen } = gated;
  const attempts = (): number => daemon.log().filter(({ event }) => event === 'backingOff').length;

  await scope.test('a command that cannot start is tried again and again, later and later', async () => {
    const answers = gated.ask(gated.address('www'), 5);
    const { reason } = await poolWhen('www', 'failed', ({ state }) => state === 'failed');
    assert.match(reason, /worker \d+ ended with code 3/);
    await until(() => attempts() >= 4, { what: 'four delays' });
    const { spawned } = poolOf(await daemon.status(), 'www').counters;
    // Five for five connections, then one at a time.
    assert.ok(spawned <= 5 + attempts() + 1, `${spawned} workers in ${attempts()} attempts`);
    assert.equal((await daemon.cli('status', '--check')).code, 1);

    writeFileSync(join(daemon.poolsDir, 'www.toml'), gated.pool('www', { keys: ON_DEMAND }));
    gated.open('www');
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
    const failed = (await answers).filter(it => typeof it === 'string');
    assert.deepEqual(failed, [], 'those that waited meanwhile');
  });
});
