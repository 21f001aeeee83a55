/** Requests that take too long are told and ended; short ones are not, however long their connection is kept. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { openJournal } from '../lib/journal.ts';
import { keepConnection } from '../lib/kept-connection.ts';
import type { LogRecord } from '../lib/log.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText, socketOf } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const TIMEOUT_MS = 500;

suite('integration/request-timeouts', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const port = await freePort();
  const one = { 'pm.max_children': 1 };
  const ended = { ...one, request_terminate_timeout: `${TIMEOUT_MS}ms` };
  const journal = openJournal(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      ended: hello('ended', ended),
      slow: hello('slow', { ...one, request_slowlog_timeout: `${TIMEOUT_MS}ms` }),
      tcp: hello('tcp', { ...ended, 'listen.address': `127.0.0.1:${port}` }),
      threads: poolText({
        command: [await compileFixture('storm', ['-pthread']), '--loop=threads', `--journal=${journal.dir}`],
        'listen.address': socketOf(scope, 'threads'),
        'pm.worker_concurrency': 4,
        ...ended,
      }),
    },
    expectedLog: [/"event":"(slowRequest|requestTimedOut)"/],
  });
  const events = (type: string, pool: string): LogRecord[] =>
    daemon.log().filter(record => record.event === type && record.pool === pool);
  /** The log is written by another process than the one that kills. */
  const untilTold = (type: string, pool: string, count: number): Promise<LogRecord[]> =>
    until(
      () => {
        const told = events(type, pool);
        return told.length >= count ? told : undefined;
      },
      { what: `${count} ${type} of ${pool}` },
    );
  const addresses = {
    ended: { path: socketOf(scope, 'ended') },
    tcp: { host: '127.0.0.1', port },
  } as const;

  await scope.test('one that takes too long is killed, with what it was in; it is replaced', async () => {
    const [pid] = workerPids(await daemon.status(), 'ended');
    await assert.rejects(askPool(unixSocket(socketOf(scope, 'ended')), { query: 'delay_ms=60000' }));
    const [told, ...more] = await untilTold('requestTimedOut', 'ended', 1);
    assert.deepEqual([told?.pid, told?.process, told?.ends, more], [pid, pid, 'killed', []]);
    assert.match(String(told?.blockedIn), /nanosleep/);
    for (const name of ['requestMs', 'connectionMs']) {
      const ms = Number(told?.[name]);
      assert.ok(ms >= TIMEOUT_MS, `${name} ${ms}`);
    }
    assert.ok(Number(told?.cpuMs) <= Number(told?.cpuOverMs));
    const after = await daemon.statusWhen('another worker', status => {
      const { state, processes } = poolOf(status, 'ended');
      return state === 'running' && processes.length === 1 && processes[0]?.pid !== pid;
    });
    assert.equal(poolOf(after, 'ended').counters.crashed, 0);
    assert.equal((await untilTold('exited', 'ended', 1))[0]?.reason, 'requestTimeout');
  });

  await scope.test('a slow one is told once, and goes on', async () => {
    const answer = await askPool(unixSocket(socketOf(scope, 'slow')), { query: 'delay_ms=1500' });
    assert.match(answer, /^hello from \d+\n$/);
    await askPool(unixSocket(socketOf(scope, 'slow')), { query: 'delay_ms=10' });
    const [told, ...more] = await untilTold('slowRequest', 'slow', 1);
    assert.deepEqual([told?.pid, more], [Number(/\d+/.exec(answer)?.[0]), []]);
    assert.match(String(told?.blockedIn), /nanosleep/);
    if (IS_ROOT) assert.match(String(told?.stack), /nanosleep/);
    assert.equal(poolOf(await daemon.status(), 'slow').counters.slow_requests, 1);
  });

  for (const [pool, address] of Object.entries(addresses)) {
    for (const pauseMs of [0, 2 * TIMEOUT_MS]) {
      const name = `${pool}: a connection that is kept for ten timeouts, with ${pauseMs} ms between short requests`;
      await scope.test(name, async () => {
        const pids = workerPids(await daemon.status(), pool);
        const known = events('requestTimedOut', pool).length;
        const connection = await keepConnection(scope, address);
        for (const end = performance.now() + 10 * TIMEOUT_MS; performance.now() < end; ) {
          assert.match(await connection.ask('delay_ms=60'), /hello from/);
          if (pauseMs > 0) await delay(pauseMs);
        }
        assert.equal(events('requestTimedOut', pool).length, known);
        await assert.rejects(connection.ask('delay_ms=60000'), 'a long one on it is ended');
        const told = await untilTold('requestTimedOut', pool, known + 1);
        assert.deepEqual(
          told.slice(known).map(({ pid }) => pid),
          pids,
        );
        await daemon.statusWhen('another worker', status => {
          const now = workerPids(status, pool);
          return poolOf(status, pool).state === 'running' && now.length === 1 && now[0] !== pids[0];
        });
      });
    }
  }

  await scope.test('who has other requests in hand is emptied first: none of them fails', async () => {
    const address = unixSocket(socketOf(scope, 'threads'));
    const [hung] = workerPids(await daemon.status(), 'threads');
    let isEnding = false;
    const neighbours = [1, 2, 3].map(async n => {
      for (let i = 0; !isEnding; i++)
        assert.match(await askPool(address, { query: `n=${n}${i}&delay_ms=100` }), /^\d+ \d+\n$/);
    });
    const long = assert.rejects(askPool(address, { query: 'n=9&delay_ms=60000' }));
    await Promise.race([long, Promise.all(neighbours)]);
    isEnding = true;
    await Promise.all([long, ...neighbours]);
    assert.deepEqual(
      (await untilTold('requestTimedOut', 'threads', 2)).map(({ ends, pid }) => [ends, pid]),
      [
        ['drained', hung],
        ['killed', hung],
      ],
    );
    await daemon.statusWhen('only the new generation', status =>
      poolOf(status, 'threads').processes.every(({ generation }) => generation === 2),
    );
  });
});
