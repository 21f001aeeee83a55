/** What comes while a reload runs: another reload, a stop of the pool, a stop of everything. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { type Answer, ask } from '../lib/http.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { type ErrorBody, poolOf } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

interface Gated {
  readonly daemon: Daemon;
  /** Workers that are started from now on wait: what is to come in between has all the time it needs. */
  readonly close: () => void;
  readonly open: () => void;
}

/** Two pools of two whose workers begin when the gate is open. */
async function startGated(scope: Scope): Promise<Gated> {
  const gate = join(scope.dir, 'gate');
  const hello = await helloPools(scope);
  const wait = `while [ -e '${gate}' ]; do sleep 0.05; done; exec '${await compileFixture('hello')}'`;
  const command = ['/bin/sh', '-c', wait];
  const daemon = await startDaemon(scope, {
    pools: { api: hello('api', { command }), www: hello('www', { command }) },
    expectedLog: [/reload failed/],
  });
  return { daemon, close: () => writeFileSync(gate, ''), open: () => rmSync(gate) };
}

const reloading = (daemon: Daemon): Promise<unknown> =>
  daemon.statusWhen('new workers beside the old ones', ({ state, pools }) => {
    return state === 'reloading' && pools.some(({ workers }) => workers.total > 2);
  });

suite('integration/reload-again', { needs: NEEDS }, async scope => {
  const gated = await startGated(scope);
  const { daemon } = gated;

  await scope.test('reloads that come during a reload are one that follows', async () => {
    const reload = (): Promise<Answer> =>
      ask('http://localhost/v1/reload', { socketPath: daemon.controlSocket, body: '{}' });
    gated.close();
    const first = reload();
    await reloading(daemon);
    const others = [reload(), reload(), reload()];
    // They were sent before these: when these are answered, they have arrived.
    for (let times = 0; times < 3; times++) await daemon.status();
    gated.open();
    for (const { status, text } of await Promise.all([first, ...others])) assert.equal(status, 200, text);
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
    gated.close();
    process.kill(daemon.pid, 'SIGHUP');
    await reloading(daemon);
    process.kill(daemon.pid, 'SIGHUP');
    process.kill(daemon.pid, 'SIGUSR2');
    const arrived = (): number => daemon.log().filter(({ event }) => event === 'signalled').length;
    await until(() => arrived() === 3, { what: 'all three signals to have arrived' });
    gated.open();
    await daemon.statusWhen(
      'two more reloads',
      status =>
        status.state === 'running' && status.pools.every(({ counters }) => counters.reloads === before + 2),
    );
  });

  await scope.test('a pool that is stopped during its reload is stopped; the reload says so', async () => {
    gated.close();
    const reload = daemon.cli('reload', 'www', '--json');
    await reloading(daemon);
    assert.equal((await daemon.cli('stop', 'www')).code, 0);
    gated.open();
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
    const { daemon, close } = await startGated(scope);

    await scope.test('the stop wins', async () => {
      close();
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
