/** Dynamic pools: as many workers as there are connections and spare ones, at once, and no breathing. */
import assert from 'node:assert/strict';
import { DYNAMIC, startGated } from '../lib/gated.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/scaling-dynamic', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(scope, {
    www: { keys: { ...DYNAMIC, 'pm.process_idle_timeout': '3s' } },
  });
  const { daemon, poolWhen } = gated;
  const address = gated.address('www');

  await scope.test('it begins with start_servers, and nothing is known to be busy', async () => {
    const { workers, counters, queue } = poolOf(await daemon.status(), 'www');
    assert.deepEqual(workers, { total: 3, idle: 3, active: 0, starting: 0, stopping: 0, max_active: 0 });
    assert.equal(counters.spawned, 3);
    assert.deepEqual([queue.length, queue.max], [0, 0]);
  });

  await scope.test('five requests at once: five busy workers and min_spare_servers, no more', async () => {
    const answers = gated.ask(address, 5);
    await gated.untilInHand(5);
    const { workers, counters } = await poolWhen('www', 'five busy and two to spare', ({ workers: it }) => {
      return it.active === 5 && it.idle === 2 && it.starting === 0;
    });
    assert.equal(workers.max_active, 5);
    assert.equal(counters.spawned, 7);
    const { processes } = poolOf(await daemon.status(), 'www');
    for (const { state, connection_seconds: forSeconds } of processes)
      assert.equal(
        forSeconds !== null && forSeconds >= 0,
        state === 'active',
        `${state} for ${forSeconds} s`,
      );
    gated.open('www');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
  });

  await scope.test('the same again within process_idle_timeout starts nobody', async () => {
    for (let times = 0; times < 3; times++) {
      gated.close('www');
      const answers = gated.ask(address, 5);
      await gated.untilInHand(5);
      await poolWhen('www', 'five busy', ({ workers }) => workers.active === 5);
      gated.open('www');
      assert.deepEqual(
        (await answers).filter(it => typeof it === 'string'),
        [],
      );
    }
    const { counters } = poolOf(await daemon.status(), 'www');
    assert.deepEqual([counters.spawned, counters.exited], [7, 0]);
  });

  await scope.test('after process_idle_timeout those above max_spare_servers leave', async () => {
    const { counters } = await poolWhen('www', 'max_spare_servers', ({ workers }) => workers.total === 4);
    assert.deepEqual([counters.spawned, counters.exited, counters.crashed], [7, 3, 0]);
    const { stdout } = await daemon.cli('explain', 'www');
    assert.match(
      stdout,
      /retire 3 workers\n +0 served and 0 waiting connections need 0 workers, with max_spare/,
    );
  });
});

suite('integration/scaling-max-children', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(
    scope,
    {
      www: { keys: { ...DYNAMIC, 'pm.max_children': 6, 'pm.process_idle_timeout': '1s' } },
      exact: { keys: { 'pm.mode': 'ondemand', 'pm.max_children': 4 } },
    },
    { expectedLog: [/"event":"maxChildrenReached","pool":"www"/] },
  );
  const { daemon, poolWhen } = gated;
  const address = gated.address('www');
  const warnings = (): string[] =>
    daemon.log().flatMap(({ event, msg }) => (event === 'maxChildrenReached' ? [msg ?? ''] : []));

  await scope.test('where all are busy and none is to spare, that is what the warning says', async () => {
    const answers = gated.ask(address, 5);
    await gated.untilInHand(5);
    await poolWhen(
      'www',
      'six workers',
      it => it.workers.total === 6 && it.counters.max_children_reached === 1,
    );
    const [warning = ''] = warnings();
    assert.match(warning, /pm\.max_children \(6\)/);
    assert.match(warning, /its connections need 5 workers, and there should be 2 to spare/);
    gated.open('www');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    gated.close('www');
  });

  await scope.test('beyond: the queue is told as it is, and the episode is one', async () => {
    await poolWhen('www', 'the peak to be forgotten', ({ workers }) => workers.total === 4);
    const answers = gated.ask(address, 9);
    await gated.untilInHand(6);
    const { queue, workers, counters } = await poolWhen('www', 'three to wait', it => {
      return it.queue.length === 3 && it.workers.active === 6;
    });
    assert.deepEqual([workers.total, workers.idle, counters.max_children_reached], [6, 0, 2]);
    assert.ok((queue.max ?? 0) >= 3 && (queue.max ?? 0) <= 9, `queue.max ${queue.max}`);
    assert.match(
      warnings()[1] ?? '',
      /pm\.max_children \(6\): its connections need [5-9] workers(?: \(and 2 to spare\))?, and /,
    );
    gated.open('www');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    const after = await poolWhen('www', 'four workers again', it => it.workers.total === 4);
    assert.equal(after.counters.max_children_reached, 2);
    assert.equal(warnings().length, 2);
  });

  await scope.test('as many requests as an on-demand pool may have workers are no episode', async () => {
    const answers = gated.ask(gated.address('exact'), 4);
    await gated.untilInHand(4);
    await poolWhen('exact', 'four busy', ({ workers }) => workers.active === 4);
    gated.open('exact');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    assert.equal(poolOf(await daemon.status(), 'exact').counters.max_children_reached, 0);
  });
});

suite('integration/scaling-concurrency', { needs: ['gcc'] }, async scope => {
  const keys = { ...DYNAMIC, 'pm.start_servers': 1, 'pm.min_spare_servers': 1, 'pm.max_spare_servers': 1 };
  const gated = await startGated(scope, {
    www: { keys: { ...keys, 'pm.worker_concurrency': 4 }, flags: ['--loop=threads'] },
  });

  await scope.test('eight connections need two workers of four threads', async () => {
    const answers = gated.ask(gated.address('www'), 8);
    await gated.untilInHand(8);
    const { workers, counters } = await gated.poolWhen('www', 'two busy and one to spare', it => {
      return it.workers.active === 2 && it.workers.idle === 1;
    });
    assert.deepEqual([workers.total, counters.spawned], [3, 3]);
    gated.open('www');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
  });
});
