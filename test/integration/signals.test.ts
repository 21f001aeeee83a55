/** Signals to the keeper, and what `stop` means: everything is gone when it returns. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { untilBusy } from '../lib/busy.ts';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { readLog } from '../lib/log.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText, socketOf } from '../lib/pools.ts';
import { isAlive, readStat, type Seen } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

/** Keeper, supervisor and all workers. */
async function processes(daemon: Daemon): Promise<Seen[]> {
  const status = await daemon.status();
  const pids = [
    status.pid,
    status.supervisor_pid,
    ...status.pools.flatMap(pool => workerPids(status, pool.name)),
  ];
  return pids.map(pid => {
    const stat = readStat(pid);
    assert.ok(stat !== undefined);
    return stat;
  });
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  suite(`integration/signals ${signal}`, { needs: NEEDS }, async scope => {
    const hello = await helloPools(scope);
    const daemon = await startDaemon(scope, { pools: { www: hello('www') } });

    await scope.test('is a graceful stop: the request in hand is finished, then all is gone', async () => {
      const all = await processes(daemon);
      const request = daemon.cli('request', 'www', '/?delay_ms=1000');
      await untilBusy(workerPids(await daemon.status(), 'www'));
      process.kill(daemon.pid, signal);
      assert.match((await request).stdout, /^hello from \d+\n$/);
      assert.deepEqual(await daemon.exited, { code: 0, signal: null });
      assert.deepEqual(all.filter(isAlive), []);
      assert.deepEqual(readdirSync(daemon.runDir), []);
    });
  });
}

/** A daemon with a worker that is busy for longer than any test lasts. */
async function busyDaemon(scope: Scope): Promise<{ daemon: Daemon; all: Seen[]; request: Promise<unknown> }> {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { process_control_timeout: '1h' }) },
    expectedLog: [/SIGKILL/],
  });
  const all = await processes(daemon);
  const request = daemon.cli('request', 'www', '/?delay_ms=600000');
  await untilBusy(workerPids(await daemon.status(), 'www'));
  return { daemon, all, request };
}

for (const [how, stop] of [
  ['a second SIGTERM', (daemon: Daemon) => process.kill(daemon.pid, 'SIGTERM')],
  ['SIGINT after SIGTERM', (daemon: Daemon) => process.kill(daemon.pid, 'SIGINT')],
  ['stop --now', async (daemon: Daemon) => assert.equal((await daemon.cli('stop', '--now')).code, 0)],
] as const) {
  suite(`integration/signals ${how}`, { needs: NEEDS }, async scope => {
    const { daemon, all, request } = await busyDaemon(scope);

    await scope.test('cuts a graceful stop short', async () => {
      process.kill(daemon.pid, 'SIGTERM');
      const status = await daemon.statusWhen(
        'the daemon to be stopping',
        ({ state }) => state === 'stopping',
      );
      assert.equal(poolOf(status, 'www').state, 'stopping');
      await stop(daemon);
      assert.deepEqual(await daemon.exited, { code: 0, signal: null });
      assert.deepEqual(all.filter(isAlive), []);
      assert.deepEqual(readdirSync(daemon.runDir), []);
      await request;
    });
  });
}

suite('integration/stop returns when all is gone', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  // Its TERM does nothing, so the stop lasts as long as process_control_timeout lets it.
  const command = [await compileFixture('hello'), '--signals=ignore'];
  const daemon = await startDaemon(scope, {
    pools: { deaf: hello('deaf', { command, process_control_timeout: '700ms' }), www: hello('www') },
  });

  await scope.test('keeper, supervisor, workers, sockets and pid file', async () => {
    const all = await processes(daemon);
    assert.equal(all.length, 6);
    assert.deepEqual(readdirSync(daemon.runDir).sort(), [
      'control.sock',
      'deaf.sock',
      'fpm-ts.pid',
      'lock',
      'state.journal',
      'www.sock',
    ]);
    const { code, stdout } = await daemon.cli('stop');
    // Looked at before anything is waited for.
    assert.deepEqual(all.filter(isAlive), []);
    assert.deepEqual(readdirSync(daemon.runDir), []);
    assert.deepEqual([code, stdout], [0, 'stopped\n']);
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    // They had nothing in hand, so nothing was cut when they did not heed their signal.
    const killed = daemon.log().filter(({ event, exit }) => event === 'exited' && isKilled(exit));
    assert.equal(killed.length, 2);
    assert.deepEqual(
      daemon.log().filter(({ event }) => event === 'cut' || event === 'outOfTime'),
      [],
    );
  });
});

suite('integration/signals while it starts', {}, async scope => {
  // Connects to nothing and never accepts.
  const slow = poolText({
    command: ['/bin/sleep', '600'],
    'listen.address': socketOf(scope, 'slow'),
    start_timeout: '1h',
  });
  const daemon = await startDaemon(scope, {
    pools: { slow },
    ready: ({ pools }) => pools.every(pool => pool.workers.starting === 2),
  });

  await scope.test('a stop: no pool is said to be ready that never was', async () => {
    process.kill(daemon.pid, 'SIGINT');
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    const told = daemon.log().map(({ event }) => event);
    assert.deepEqual(
      told.filter(event => event === 'ready' || event === 'stopping' || event === 'stopped'),
      ['stopping', 'stopped'],
    );
  });
});

suite('integration/signals that stop nothing', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, { pools: { www: hello('www') } });

  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    await scope.test(`${signal} reloads`, async () => {
      const before = await daemon.status();
      process.kill(daemon.pid, signal);
      const { reloads } = poolOf(before, 'www').counters;
      const after = await daemon.statusWhen('the reload', status => {
        const { counters, workers } = poolOf(status, 'www');
        return status.state === 'running' && counters.reloads === reloads + 1 && workers.total === 2;
      });
      assert.equal(after.pid, before.pid);
      assert.equal(after.supervisor_pid, before.supervisor_pid);
      assert.deepEqual(
        workerPids(after, 'www').filter(pid => workerPids(before, 'www').includes(pid)),
        [],
      );
    });
  }

  await scope.test('SIGUSR1 reopens the logs, and opens no debugger port', async () => {
    const file = join(scope.dir, 'fpm-ts.log');
    const moved = `${file}.1`;
    renameSync(file, moved);
    const { supervisor_pid } = await daemon.status();
    process.kill(daemon.pid, 'SIGUSR1');
    await until(() => existsSync(file) && readLog(file).some(({ event }) => event === 'logsReopened'), {
      what: 'the new log',
    });
    assert.equal(
      readLog(moved).some(({ event }) => event === 'logsReopened'),
      false,
    );
    // Node would say so on stderr.
    process.kill(supervisor_pid, 'SIGUSR1');
    await daemon.cli('status');
    assert.doesNotMatch(daemon.output(), /[Dd]ebugger/);
    assert.equal(
      readLog(file).some(({ msg }) => /[Dd]ebugger/.test(msg ?? '')),
      false,
    );
  });
});

function isKilled(exit: unknown): boolean {
  return (exit as { signal?: string } | undefined)?.signal === 'SIGKILL';
}
