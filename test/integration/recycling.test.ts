/** Workers that are too old or use too much memory are replaced, one after the other, and nobody notices. */
import assert from 'node:assert/strict';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, type PoolKeys, socketOf } from '../lib/pools.ts';
import { sampleDuring } from '../lib/sample.ts';
import { type PoolStatus, poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const ready = ({ processes }: PoolStatus): number =>
  processes.filter(({ state }) => state === 'idle' || state === 'active').length;

suite('integration/recycling', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const plain = (pool: string, keys: PoolKeys = {}): string => {
    const [program = ''] = JSON.parse(/^command = (.*)$/m.exec(hello(pool))?.[1] ?? '[]') as string[];
    return hello(pool, { command: [program, '--signals=default'], stop_is_graceful: false, ...keys });
  };
  const daemon = await startDaemon(scope, {
    pools: {
      graceful: hello('graceful', { 'pm.max_children': 3, 'pm.max_lifetime': '1s' }),
      plain: plain('plain', { 'pm.max_children': 3, 'pm.max_lifetime': '1s' }),
      fat: plain('fat', { 'pm.max_children': 2, 'pm.max_memory': '64M' }),
    },
    expectedLog: [
      /"event":"restored"/,
      /supervisor.*SIGKILL/,
      // The supervisor dies just as an idle worker was killed: its successor cannot know who did it.
      /"pool":"plain".*SIGKILL.*"reason":"ended"/,
    ],
  });
  const exits = (pool: string, reason: string) =>
    daemon
      .log()
      .filter(record => record.event === 'exited' && record.pool === pool && record.reason === reason);

  for (const pool of ['graceful', 'plain']) {
    await scope.test(`${pool}: all are replaced at their age, and never fewer serve`, async () => {
      const first = workerPids(await daemon.status(), pool);
      const isOver = (status: Status): boolean => workerPids(status, pool).every(pid => !first.includes(pid));
      const { seen } = await sampleDuring(daemon.statusWhen('other workers', isOver), () => daemon.status());
      for (const status of seen)
        assert.ok(ready(poolOf(status, pool)) >= 3, JSON.stringify(poolOf(status, pool).processes));
    });
  }

  await scope.test('a program that loses its request on a signal is killed when it is idle', () => {
    const kills = exits('plain', 'maxLifetime');
    assert.ok(kills.length >= 3);
    for (const { exit } of kills) assert.deepEqual(exit, { code: null, signal: 'SIGKILL' });
    for (const { exit } of exits('graceful', 'maxLifetime'))
      assert.deepEqual(exit, { code: 0, signal: null });
  });

  await scope.test(
    'under load that leaves no idle moment, a generation takes over; no request fails',
    async () => {
      const rolled = (): number =>
        daemon.log().filter(({ event, pool }) => event === 'rolled' && pool === 'plain').length;
      const before = rolled();
      let isEnding = false;
      const address = unixSocket(socketOf(scope, 'plain'));
      const clients = Array.from({ length: 12 }, async () => {
        while (!isEnding)
          assert.match(await askPool(address, { query: 'delay_ms=20' }), /^hello from \d+\n$/);
      });
      await Promise.race([
        Promise.all(clients),
        daemon.statusWhen('a new generation', () => rolled() > before),
      ]);
      isEnding = true;
      await Promise.all(clients);
    },
  );

  await scope.test('who has too much memory is replaced, its neighbour is not', async () => {
    const first = workerPids(await daemon.status(), 'fat');
    const answer = await askPool(unixSocket(socketOf(scope, 'fat')), { query: 'eat_mb=80' });
    const eater = Number(/\d+/.exec(answer)?.[0]);
    const after = workerPids(
      await daemon.statusWhen('another worker', status => {
        const { processes, state } = poolOf(status, 'fat');
        return state === 'running' && processes.length === 2 && processes.every(({ pid }) => pid !== eater);
      }),
      'fat',
    );
    assert.deepEqual(
      first.filter(pid => !after.includes(pid)),
      [eater],
    );
    await until(() => exits('fat', 'maxMemory').length > 0, { what: 'its end in the log' });
    assert.deepEqual(
      exits('fat', 'maxMemory').map(({ pid }) => pid),
      [eater],
    );
    assert.match((await daemon.cli('explain', 'fat')).stdout, /it uses 8\d\.\d MB, max_memory is 64\.0 MB/);
  });

  await scope.test('another supervisor goes on with it', async () => {
    const { supervisor_pid: pid } = await daemon.status();
    process.kill(pid, 'SIGKILL');
    const restarted = await daemon.statusWhen('another supervisor', it => it.supervisor_pid !== pid);
    const old = workerPids(restarted, 'graceful');
    await daemon.statusWhen('other workers', status =>
      workerPids(status, 'graceful').every(it => !old.includes(it)),
    );
  });
});
