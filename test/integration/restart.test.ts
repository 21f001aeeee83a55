/** A worker that dies is replaced: at once when it had lived, ever later when it dies young, never at others' cost. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText, scriptPool, socketOf } from '../lib/pools.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Waits until the pool is whole and no worker of it is young: then a death is replaced at once. */
async function settledPids(daemon: Daemon, pool: string): Promise<number[]> {
  const isSettled = (status: Status): boolean =>
    poolOf(status, pool).state === 'running' &&
    poolOf(status, pool).processes.every(worker => worker.uptime_seconds > 1);
  return workerPids(await daemon.statusWhen(`${pool} to be settled`, isSettled), pool);
}

/** The records of one type of event of one pool. */
function events(daemon: Daemon, pool: string, type: string): ReturnType<Daemon['log']> {
  return daemon.log().filter(record => record.pool === pool && record.event === type);
}

suite('integration/restart', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other') },
    expectedLog: [/"pool":"www".*perhaps out of memory/, /"pool":"www".*ended with SIGSEGV/],
  });
  const address = unixSocket(socketOf(scope, 'www'));
  const others = workerPids(await daemon.status(), 'other');

  await scope.test('SIGKILL: replaced, logged with signal, uptime and what the kernel counted', async () => {
    const [victim = 0] = await settledPids(daemon, 'www');
    process.kill(victim, 'SIGKILL');
    const after = await daemon.statusWhen(
      'a new worker',
      status => poolOf(status, 'www').state === 'running' && !workerPids(status, 'www').includes(victim),
    );
    const { counters } = poolOf(after, 'www');
    assert.deepEqual([counters.spawned, counters.exited, counters.crashed], [3, 1, 1]);
    const [record] = events(daemon, 'www', 'exited');
    assert.equal(record?.pid, victim);
    assert.deepEqual(record?.exit, { code: null, signal: 'SIGKILL' });
    assert.ok(Number(record?.uptimeMs) > 0);
    assert.match(
      record?.msg ?? '',
      /ended with SIGKILL after \d+\.\d{3} s; perhaps out of memory: the kernel /,
    );
  });

  await scope.test('another signal is named, and says nothing about memory', async () => {
    const [victim = 0] = await settledPids(daemon, 'www');
    process.kill(victim, 'SIGSEGV');
    await until(() => events(daemon, 'www', 'exited').length === 2, { what: 'the record' });
    assert.match(events(daemon, 'www', 'exited')[1]?.msg ?? '', /ended with SIGSEGV after \d+\.\d{3} s$/);
  });

  await scope.test('an exit by itself with code 0 is no crash, and is replaced as well', async () => {
    const [leaver = 0] = await settledPids(daemon, 'www');
    const before = await daemon.status();
    process.kill(leaver, 'SIGTERM'); // libfcgi ends with code 0
    const after = await daemon.statusWhen(
      'a new worker',
      status => poolOf(status, 'www').state === 'running' && !workerPids(status, 'www').includes(leaver),
    );
    const { exited, crashed } = poolOf(after, 'www').counters;
    assert.deepEqual([exited, crashed], [3, poolOf(before, 'www').counters.crashed]);
    const record = events(daemon, 'www', 'exited')[2];
    assert.deepEqual(record?.exit, { code: 0, signal: null });
    assert.equal(record?.level, 30);
  });

  await scope.test('the pool answers, and the other pool has noticed nothing', async () => {
    assert.match(await askPool(address), /^hello from \d+\n$/);
    assert.deepEqual(workerPids(await daemon.status(), 'other'), others);
  });
});

suite('integration/restart-young', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const script = join(scope.dir, 'vanishing');
  writeFileSync(script, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  const daemon = await startDaemon(scope, {
    pools: {
      broken: scriptPool('echo no database; exit 3', { 'pm.max_children': 5 }),
      vanished: poolText({ command: [script], protocol: 'other', listen: 'none', 'pm.max_children': 1 }),
      www: hello('www'),
    },
    ready: status => ['www', 'vanished'].every(name => poolOf(status, name).state === 'running'),
    expectedLog: [/"pool":"(broken|vanished)"/],
  });

  await scope.test('it fails, with a reason that names what happened', async () => {
    const status = await daemon.statusWhen('it to fail', it => poolOf(it, 'broken').state === 'failed');
    assert.match(poolOf(status, 'broken').reason, /ended with code 3 \d+ ms after its start/);
    assert.equal((await daemon.cli('status', '--check')).code, 1);
    assert.equal(events(daemon, 'broken', 'poolFailed').length, 1);
  });

  await scope.test('its output is in the log', () => {
    assert.ok(daemon.log().some(({ pool, msg }) => pool === 'broken' && msg === 'no database'));
  });

  await scope.test('each wait is twice as long as the one before', async () => {
    await until(() => events(daemon, 'broken', 'backingOff').length >= 4, { what: 'four waits' });
    const waits = events(daemon, 'broken', 'backingOff').map(({ delayMs }) => delayMs);
    assert.deepEqual(waits.slice(0, 4), [100, 200, 400, 800]);
    // Five at first, then one at a time: the sixth to end was the second attempt.
    const exits = events(daemon, 'broken', 'exited').map(({ time }) => Number(time));
    const gaps = exits.slice(6).map((time, index) => time - (exits[index + 5] ?? 0));
    assert.ok(
      gaps.every((gapMs, index) => gapMs >= 100 * 2 ** index),
      gaps.join(' '),
    );
  });

  await scope.test('a command that is not there any more: the reason names it', async () => {
    const [victim = 0] = await settledPids(daemon, 'vanished');
    rmSync(script);
    process.kill(victim, 'SIGKILL');
    const status = await daemon.statusWhen('it to fail', it => poolOf(it, 'vanished').state === 'failed');
    assert.match(poolOf(status, 'vanished').reason, new RegExp(`${script}.*(ENOENT|does not exist)`));
  });

  await scope.test('a worker of another pool is replaced while they wait', async () => {
    const [victim = 0] = await settledPids(daemon, 'www');
    process.kill(victim, 'SIGTERM');
    const after = await daemon.statusWhen(
      'a new worker',
      status => poolOf(status, 'www').workers.idle === 2 && !workerPids(status, 'www').includes(victim),
    );
    assert.equal(poolOf(after, 'broken').state, 'failed');
    assert.equal(poolOf(after, 'www').counters.spawned, 3);
    assert.equal(events(daemon, 'www', 'backingOff').length, 0);
  });
});
