/** What holds for all pools together: process.max is shared fairly, and process.min_free_memory is heeded. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { DYNAMIC, startGated } from '../lib/gated.ts';
import { sampleDuring } from '../lib/sample.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const ONE_TO_SPARE = {
  ...DYNAMIC,
  'pm.start_servers': 1,
  'pm.min_spare_servers': 1,
  'pm.max_spare_servers': 2,
  'pm.max_children': 20,
};

suite('integration/scaling-process-max', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(
    scope,
    { a: { keys: ONE_TO_SPARE }, b: { keys: ONE_TO_SPARE } },
    { config: 'process.max = 10' },
  );
  const { daemon, poolWhen } = gated;

  const answers = gated.ask(gated.address('a'), 12);

  await scope.test('alone, a pool gets all but what the other cannot do without', async () => {
    await gated.untilInHand(9);
    await poolWhen('a', 'three to wait', ({ queue, workers }) => queue.length === 3 && workers.total === 9);
    assert.equal(poolOf(await daemon.status(), 'b').workers.total, 1);
    const { stdout } = await daemon.cli('explain', 'a');
    assert.match(stdout, /process\.max leaves this pool 0 of \d+/);
  });

  await scope.test('when the other needs as much, idle ones are given back, and both have half', async () => {
    const others = gated.ask(gated.address('b'), 12);
    await gated.untilInHand(10);
    await poolWhen('b', 'eleven to wait', ({ queue }) => queue.length === 11);
    assert.equal(poolOf(await daemon.status(), 'a').workers.active, 9, 'nobody busy has to leave');
    gated.open('a');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    await poolWhen('b', 'half of all', ({ workers }) => workers.active === 5);
    await gated.untilInHand(5);
    const { counters } = await poolWhen('a', 'half of all', ({ workers }) => workers.total === 5);
    assert.equal(counters.crashed, 0);
    const { stdout } = await daemon.cli('explain', 'a');
    assert.match(stdout, /other pools need \d workers? of it for their share/);
    gated.open('b');
    assert.deepEqual(
      (await others).filter(it => typeof it === 'string'),
      [],
    );
  });

  await scope.test('a reload at the limit replaces workers few at a time and never has more', async () => {
    const before = await daemon.status();
    const old = [...workerPids(before, 'a'), ...workerPids(before, 'b')];
    assert.equal(old.length, 10);
    const { result, seen } = await sampleDuring(daemon.cli('reload'), () => daemon.status());
    assert.equal(result.code, 0, result.stderr);
    const after = await daemon.statusWhen('only new workers', status =>
      status.pools.every(({ processes }) => processes.every(({ generation }) => generation === 2)),
    );
    assert.ok([...workerPids(after, 'a'), ...workerPids(after, 'b')].every(pid => !old.includes(pid)));
    const most = Math.max(...seen.map(({ pools }) => pools.reduce((sum, it) => sum + it.workers.total, 0)));
    assert.ok(most <= 10, `${most} workers at once`);
  });
});

suite('integration/scaling-memory', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(
    scope,
    { www: { keys: DYNAMIC } },
    { config: 'process.min_free_memory = "1000G"', expectedLog: [/"event":"memoryShort","pool":"www"/] },
  );
  const { daemon, poolWhen } = gated;
  const answers = gated.ask(gated.address('www'), 6);
  const short = /\d+M of memory are free in .*, process\.min_free_memory is 1024000M/;

  await scope.test(
    'with too little memory nobody is started above the minimum, and that is said',
    async () => {
      await gated.untilInHand(3);
      const { reason, workers, counters } = await poolWhen(
        'www',
        'three to wait',
        it => it.queue.length === 3 && it.reason !== '',
      );
      assert.deepEqual([workers.total, counters.spawned], [3, 3]);
      assert.match(reason, short);
      assert.match((await daemon.cli('explain', 'www')).stdout, short);
      const told = daemon.log().filter(({ event }) => event === 'memoryShort');
      assert.equal(told.length, 1);
      assert.match(told[0]?.msg ?? '', short);
    },
  );

  await scope.test(
    'a reload that lowers the limit lets them come, without new ones for those there are',
    async () => {
      const before = workerPids(await daemon.status(), 'www');
      const file = readFileSync(daemon.configFile, 'utf8');
      writeFileSync(daemon.configFile, file.replace('"1000G"', '"1M"'));
      const reload = await daemon.cli('reload', '--changed');
      assert.equal(reload.code, 0, reload.stderr);
      await gated.untilInHand(6);
      const after = await poolWhen('www', 'six busy and two to spare', ({ workers }) => workers.idle === 2);
      assert.equal(after.reason, '');
      assert.ok(before.every(pid => after.processes.some(it => it.pid === pid)));
      gated.open('www');
      assert.deepEqual(
        (await answers).filter(it => typeof it === 'string'),
        [],
      );
    },
  );
});
