/** What comes while a reload runs: another reload, a stop of the pool, a stop of everything. */
import assert from 'node:assert/strict';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, type DaemonOptions, startDaemon } from '../lib/daemon.ts';
import { helloPools } from '../lib/pools.ts';
import { type ErrorBody, poolOf } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

/** A pool of two whose workers take half a second to start, so that there is a while to come in between. */
async function slowDaemon(scope: Scope, options: Partial<DaemonOptions> = {}): Promise<Daemon> {
  const hello = await helloPools(scope);
  const command = ['/bin/sh', '-c', `sleep 0.5; exec '${await compileFixture('hello')}'`];
  return await startDaemon(scope, {
    pools: { api: hello('api', { command }), www: hello('www', { command }) },
    ...options,
  });
}

const reloading = (daemon: Daemon): Promise<unknown> =>
  daemon.statusWhen('new workers beside the old ones', ({ state, pools }) => {
    return state === 'reloading' && pools.some(({ workers }) => workers.total > 2);
  });

suite('integration/reload-again', { needs: NEEDS }, async scope => {
  const daemon = await slowDaemon(scope, { expectedLog: [/reload failed/] });

  await scope.test('reloads that come during a reload are one that follows', async () => {
    const first = daemon.cli('reload');
    await reloading(daemon);
    const others = [daemon.cli('reload'), daemon.cli('reload'), daemon.cli('reload')];
    for (const result of await Promise.all([first, ...others])) {
      assert.deepEqual([result.code, result.stderr], [0, '']);
    }
    const status = await daemon.statusWhen('only new workers to be left', ({ pools }) =>
      pools.every(({ workers }) => workers.total === 2),
    );
    for (const { counters, processes } of status.pools) {
      assert.equal(counters.reloads, 2);
      assert.deepEqual(
        processes.map(({ generation }) => generation),
        [3, 3],
      );
    }
    assert.equal(daemon.log().filter(({ event }) => event === 'reloaded').length, 2);
  });

  await scope.test('so do signals', async () => {
    const before = poolOf(await daemon.status(), 'www').counters.reloads;
    process.kill(daemon.pid, 'SIGHUP');
    await reloading(daemon);
    process.kill(daemon.pid, 'SIGHUP');
    process.kill(daemon.pid, 'SIGUSR2');
    await daemon.statusWhen(
      'two more reloads',
      status =>
        status.state === 'running' && status.pools.every(({ counters }) => counters.reloads === before + 2),
    );
  });

  await scope.test('a pool that is stopped during its reload is stopped; the reload says so', async () => {
    const reload = daemon.cli('reload', 'www', '--json');
    await reloading(daemon);
    assert.equal((await daemon.cli('stop', 'www')).code, 0);
    const { code, stdout } = await reload;
    assert.equal(code, 1, stdout);
    assert.match((JSON.parse(stdout) as ErrorBody).error.message, /www: .*stopped/);
    assert.equal(poolOf(await daemon.status(), 'www').state, 'stopped');
    assert.equal((await daemon.cli('start', 'www')).code, 0);
  });
});

for (const [how, stop] of [
  ['stop', (daemon: Daemon) => daemon.cli('stop')],
  ['stop --now', (daemon: Daemon) => daemon.cli('stop', '--now')],
  ['SIGTERM', (daemon: Daemon) => process.kill(daemon.pid, 'SIGTERM')],
] as const) {
  suite(`integration/reload-stopped by ${how}`, { needs: NEEDS }, async scope => {
    const daemon = await slowDaemon(scope, { expectedLog: [/reload failed/] });

    await scope.test('the stop wins', async () => {
      const reload = daemon.cli('reload', '--json');
      await reloading(daemon);
      const stopped = await stop(daemon);
      if (typeof stopped === 'object') assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
      const { code, stdout } = await reload;
      assert.equal(code, 1, stdout);
      assert.match((JSON.parse(stdout) as ErrorBody).error.message, /stop/);
      assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    });
  });
}
