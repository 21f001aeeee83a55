/**
 * php-cgi ends itself after pm.max_requests requests, with code 0. Under load that is recycling: each is replaced at
 * once, is no crash, and the pool is never anything but running.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { sampleDuring } from '../lib/sample.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const CONNECTIONS = 2;
/**
 * pm.max_requests, and how many requests are sent: many generations of workers. With the pause a worker waits in accept
 * before somebody comes, and a request is too short to be seen.
 */
const ROUNDS = [
  { max: 500, requests: 2000, pauseMs: 0 },
  { max: 20, requests: 600, pauseMs: 0 },
  { max: 1, requests: 30, pauseMs: 150 },
] as const;

for (const { max, requests, pauseMs } of ROUNDS) {
  suite(`integration/recycling-by-count-${max}`, { needs: ['php-cgi'] }, async scope => {
    const script = join(placeFixture(scope, 'php'), 'echo.php');
    const daemon = await startDaemon(scope, {
      pools: {
        php: poolText({
          command: ['/usr/bin/php-cgi'],
          'listen.address': socketOf(scope, 'php'),
          'pm.max_requests': max,
          'pm.max_children': CONNECTIONS,
        }),
      },
    });
    const pids = new Map<number, number>();
    let states: readonly string[] = [];

    await scope.test(`${requests} requests over two connections: each is answered`, async () => {
      let left: number = requests;
      const client = async (): Promise<void> => {
        while (left-- > 0) {
          await delay(pauseMs);
          const { pid } = JSON.parse(await askPool(unixSocket(socketOf(scope, 'php')), { script })) as {
            readonly pid: number;
          };
          pids.set(pid, (pids.get(pid) ?? 0) + 1);
        }
      };
      const all = Promise.all(Array.from({ length: CONNECTIONS }, client));
      const { seen } = await sampleDuring(all, () => daemon.status());
      states = seen.map(status => poolOf(status, 'php').state);
    });

    await scope.test('the workers ended themselves after so many, and others took their places', () => {
      assert.ok(pids.size >= requests / max, JSON.stringify([...pids]));
      assert.deepEqual(
        [...pids].filter(([, count]) => count > max),
        [],
      );
    });

    await scope.test('whenever anybody looked, the pool was running', () => {
      assert.ok(states.length > 0);
      assert.deepEqual(
        states.filter(state => state !== 'running'),
        [],
      );
    });

    await scope.test('none of it was a crash, and nothing was backed off', async () => {
      const status = await daemon.statusWhen(
        'all workers',
        it => poolOf(it, 'php').workers.idle === CONNECTIONS,
      );
      const { counters, reason } = poolOf(status, 'php');
      assert.equal(counters.crashed, 0);
      assert.equal(counters.exited, counters.spawned - CONNECTIONS);
      assert.ok(counters.exited >= requests / max - CONNECTIONS);
      assert.equal(reason, '');
      const told = daemon.log().filter(({ event }) => /backingOff|failed|crash/i.test(String(event)));
      assert.deepEqual(told, []);
      assert.equal((await daemon.cli('status', '--check')).code, 0);
    });
  });
}
