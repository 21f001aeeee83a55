/** Many deaths and many reloads: what the keeper holds for a worker goes with the worker. */
import assert from 'node:assert/strict';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const WORKERS = 25;

suite('integration/crash', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'pm.max_children': WORKERS }) },
    expectedLog: [/"pool":"www".*SIGKILL/],
  });

  const isWhole = (status: Status): boolean => {
    const { state, processes } = poolOf(status, 'www');
    return state === 'running' && processes.length === WORKERS;
  };
  /** Whole, and old enough that a death is not one of a broken command. */
  const isSettled = (status: Status): boolean =>
    isWhole(status) && poolOf(status, 'www').processes.every(worker => worker.uptime_seconds > 1);

  async function descriptorsAre(count: number): Promise<void> {
    await until(() => openDescriptors(daemon.pid) === count, {
      what: `the keeper to hold ${count} descriptors`,
      explain: () => `it holds ${openDescriptors(daemon.pid)}`,
    });
  }

  const held = openDescriptors(daemon.pid);

  await scope.test('50 workers killed with -9: replaced, and no descriptor more', async () => {
    for (let wave = 0; wave < 2; wave++) {
      const victims = workerPids(await daemon.statusWhen('a settled pool', isSettled), 'www');
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      await daemon.statusWhen(
        'other workers',
        status => isWhole(status) && workerPids(status, 'www').every(pid => !victims.includes(pid)),
      );
    }
    const { counters } = poolOf(await daemon.status(), 'www');
    assert.deepEqual([counters.spawned, counters.exited, counters.crashed], [75, 50, 50]);
    await descriptorsAre(held);
  });

  await scope.test('a wave of deaths counts as one: nothing was backed off', () => {
    assert.deepEqual(
      daemon.log().filter(({ event }) => event === 'backingOff'),
      [],
    );
  });

  await scope.test('10 reloads: new workers each time, and no descriptor more', async () => {
    for (let reload = 0; reload < 10; reload++) {
      const before = workerPids(await daemon.status(), 'www');
      const result = await daemon.cli('reload');
      assert.equal(result.code, 0, result.stderr);
      const after = await daemon.statusWhen('the old ones to be gone', isWhole);
      assert.ok(workerPids(after, 'www').every(pid => !before.includes(pid)));
    }
    assert.equal(poolOf(await daemon.status(), 'www').counters.reloads, 10);
    await descriptorsAre(held);
  });

  await scope.test('the pool answers', async () => {
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello from \d+\n$/);
  });
});
