/** A reload that works: new workers are ready before old ones are told to stop, and nobody is without an answer. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilBusy } from '../lib/busy.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import type { LogRecord } from '../lib/log.ts';
import { helloPools } from '../lib/pools.ts';
import { sampleDuring } from '../lib/sample.ts';
import { type PoolStatus, poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

/** Workers that serve: seen accepting, or busy. */
function serving({ processes }: PoolStatus): number {
  return processes.filter(({ state }) => state !== 'starting' && state !== 'stopping').length;
}

suite('integration/reload', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'pm.max_children': 4 }) },
    config: 'log.level = "debug"',
  });

  await scope.test('never fewer workers serve than the pool has', async () => {
    const before = workerPids(await daemon.status(), 'www');
    const { result, seen } = await sampleDuring(daemon.cli('reload'), () => daemon.status());
    assert.equal(result.code, 0, result.stderr);
    const counts = seen.map(status => serving(poolOf(status, 'www')));
    assert.ok(Math.min(...counts) >= 4, `serving: ${counts.join(' ')}`);
    assert.ok(seen.some(status => status.state === 'reloading'));
    const after = await daemon.statusWhen(
      'the old ones to be gone',
      it => poolOf(it, 'www').workers.total === 4,
    );
    assert.deepEqual(
      workerPids(after, 'www').filter(pid => before.includes(pid)),
      [],
    );
    assert.deepEqual(
      poolOf(after, 'www').processes.map(({ generation }) => generation),
      [2, 2, 2, 2],
    );
    assert.equal(poolOf(after, 'www').counters.reloads, 1);
  });

  await scope.test('the log has the same order: all new ones ready, then the first old one ends', () => {
    const log = daemon.log();
    const at = (is: (record: LogRecord) => boolean): number[] =>
      log.flatMap((record, index) => (is(record) ? [index] : []));
    const pids = log.filter(it => it.event === 'spawned' && it.generation === 2).map(({ pid }) => pid);
    const ready = at(it => it.event === 'workerReady' && pids.includes(it.pid));
    const [rolled = -1] = at(it => it.event === 'rolled');
    const ended = at(it => it.event === 'exited' && it.reason === 'replaced');
    assert.deepEqual([pids.length, ready.length, ended.length], [4, 4, 4]);
    assert.ok(Math.max(...ready) < rolled && rolled < Math.min(...ended));
  });

  await scope.test('a request in hand is finished by the worker that has it', async () => {
    const before = workerPids(await daemon.status(), 'www');
    const request = daemon.cli('request', 'www', '/?delay_ms=1500');
    await untilBusy(before);
    assert.equal((await daemon.cli('reload')).code, 0);
    const between = await daemon.statusWhen('the idle ones to be gone', it => {
      const { processes } = poolOf(it, 'www');
      return processes.filter(({ generation }) => generation === 2).length === 1;
    });
    const [old] = poolOf(between, 'www').processes.filter(({ generation }) => generation === 2);
    assert.equal(old?.state, 'stopping');
    const { code, stdout } = await request;
    assert.equal(code, 0);
    assert.equal(stdout, `hello from ${old?.pid}\n`);
    assert.ok(before.includes(old?.pid ?? 0));
  });

  await scope.test('a request that is sent during the reload is answered', async () => {
    const { result, seen } = await sampleDuring(daemon.cli('reload'), () =>
      daemon.cli('request', 'www', '/'),
    );
    assert.equal(result.code, 0);
    assert.deepEqual(
      seen.filter(({ code }) => code !== 0),
      [],
    );
  });

  await scope.test('another size counts from the reload on', async () => {
    writeFileSync(join(daemon.poolsDir, 'www.toml'), hello('www', { 'pm.max_children': 2 }));
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    assert.equal((await daemon.cli('reload')).code, 0);
    const status = await daemon.statusWhen('two workers', it => poolOf(it, 'www').workers.total === 2);
    assert.equal(status.config_changed_on_disk, false);
    assert.equal(poolOf(status, 'www').pm.max_children, 2);
  });
});

suite('integration/reload-without-room', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'pm.max_children': 4 }) },
    config: 'process.max = 4',
    expectedLog: [/code 3/],
  });

  await scope.test('with process.max used up, workers are replaced one by one', async () => {
    const before = workerPids(await daemon.status(), 'www');
    const { result, seen } = await sampleDuring(daemon.cli('reload'), () => daemon.status());
    assert.equal(result.code, 0, result.stderr);
    const pools = seen.map(status => poolOf(status, 'www'));
    const counts = pools.map(serving);
    assert.ok(Math.min(...counts) >= 3, `serving: ${counts.join(' ')}`);
    const totals = pools.map(({ workers }) => workers.total);
    assert.ok(Math.max(...totals) <= 4, `processes: ${totals.join(' ')}`);
    const after = workerPids(await daemon.status(), 'www');
    assert.equal(after.length, 4);
    assert.deepEqual(
      after.filter(pid => before.includes(pid)),
      [],
    );
  });

  await scope.test('one that fails half way is undone: the pool is whole again', async () => {
    // The second worker of the new generation dies: the first has made a directory.
    const script = `mkdir '${scope.dir}/shared/first' 2>/dev/null || exit 3; exec '${await compileFixture('hello')}'`;
    mkdirSync(join(scope.dir, 'shared'));
    chmodSync(join(scope.dir, 'shared'), 0o777);
    const keys = { 'pm.max_children': 4, command: ['/bin/sh', '-c', script] };
    writeFileSync(join(daemon.poolsDir, 'www.toml'), hello('www', keys));
    const { result, seen } = await sampleDuring(daemon.cli('reload', '--json'), () => daemon.status());
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stdout, /code 3/);
    assert.ok(Math.max(...seen.map(status => poolOf(status, 'www').workers.total)) <= 4);
    const after = await daemon.statusWhen('four workers', it => poolOf(it, 'www').workers.idle === 4);
    assert.deepEqual(
      poolOf(after, 'www').processes.map(({ generation }) => generation),
      [2, 2, 2, 2],
    );
    assert.equal(poolOf(after, 'www').state, 'running');
  });
});

suite('integration/reload-little-room', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const scaling = { 'pm.min_spare_servers': 2, 'pm.max_spare_servers': 6, 'pm.start_servers': 6 };
  const pools = {
    static: hello('static', { 'pm.max_children': 6 }),
    dynamic: hello('dynamic', { 'pm.mode': 'dynamic', 'pm.max_children': 6, ...scaling }),
  };
  const daemon = await startDaemon(scope, { pools, config: 'process.max = 15' });

  for (const name of ['static', 'dynamic']) {
    await scope.test(
      `${name}: with room for half of the new generation, the rest is replaced one by one`,
      async () => {
        const before = workerPids(await daemon.status(), name);
        const { result, seen } = await sampleDuring(daemon.cli('reload', name), () => daemon.status());
        assert.equal(result.code, 0, result.stderr);
        const totals = seen.map(({ pools: all }) => all.reduce((sum, { workers }) => sum + workers.total, 0));
        assert.ok(Math.max(...totals) <= 15, `processes: ${totals.join(' ')}`);
        const status = await daemon.statusWhen(
          'the old ones are gone',
          it => poolOf(it, name).workers.total === 6,
        );
        assert.deepEqual(
          workerPids(status, name).filter(pid => before.includes(pid)),
          [],
        );
      },
    );
  }
});
