/** Many crashes are told as one and backed off; who is killed by others is replaced at once; other pools go on. */
import assert from 'node:assert/strict';
import { startDaemon } from '../lib/daemon.ts';
import { LEVEL } from '../lib/log.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const WORKERS = 3;

suite('integration/crash-storm', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const keys = { 'pm.max_children': WORKERS };
  const daemon = await startDaemon(scope, {
    pools: { killed: hello('killed', keys), crashing: hello('crashing', keys), calm: hello('calm', keys) },
    expectedLog: [
      /"pool":"killed".*SIGKILL/,
      /"exited".*"pool":"crashing".*SIGSEGV/,
      /"(crashStorm|crashStormOver|backingOff)","pool":"crashing"/,
    ],
  });
  const calm = workerPids(await daemon.status(), 'calm');
  const events = (pool: string, type: string) =>
    daemon.log().filter(record => record.event === type && record.pool === pool);
  const isWholeWithout =
    (pool: string, victims: readonly number[]) =>
    (status: Status): boolean => {
      const { state, processes } = poolOf(status, pool);
      const isWhole = state === 'running' && processes.length === WORKERS;
      return isWhole && processes.every(worker => !victims.includes(worker.pid));
    };

  await scope.test('workers that others kill with -9 again and again are never backed off', async () => {
    const killed: number[] = [];
    for (let i = 0; i < 10; i++) {
      const [victim = 0] = workerPids(
        await daemon.statusWhen('all', isWholeWithout('killed', killed)),
        'killed',
      );
      process.kill(victim, 'SIGKILL');
      killed.push(victim);
    }
    await daemon.statusWhen('all', isWholeWithout('killed', killed));
    assert.deepEqual(events('killed', 'backingOff'), []);
  });

  await scope.test(
    'a storm of crashes: told once, backed off, and over when none comes any more',
    async () => {
      const crashed: number[] = [];
      const living = (status: Status): number[] =>
        poolOf(status, 'crashing')
          .processes.filter(({ pid, state }) => state === 'idle' && !crashed.includes(pid))
          .map(({ pid }) => pid);
      for (let i = 0; i < 8; i++) {
        // One is always left: a pool without any has failed.
        const status = await daemon.statusWhen('two that serve', seen => living(seen).length >= 2);
        const [victim = 0] = living(status);
        process.kill(victim, 'SIGSEGV');
        crashed.push(victim);
        await until(() => events('crashing', 'exited').length === crashed.length, { what: 'its end' });
      }
      const [storm, ...more] = events('crashing', 'crashStorm');
      assert.deepEqual([storm?.crashes, storm?.signal, more], [5, 'SIGSEGV', []]);
      assert.ok(events('crashing', 'backingOff').length > 0, 'backed off');
      const told = events('crashing', 'exited').filter(({ level }) => level >= LEVEL.warn);
      assert.equal(told.length, 4, 'those of the storm are no warnings');
      await daemon.statusWhen('all of them again', isWholeWithout('crashing', crashed));
      await until(() => events('crashing', 'crashStormOver').length === 1, {
        what: 'the end of the storm',
        deadlineMs: 30_000,
      });
      assert.equal(events('crashing', 'crashStormOver')[0]?.crashes, 8);
    },
  );

  await scope.test('the workers of another pool are those of the beginning', async () => {
    assert.deepEqual(workerPids(await daemon.status(), 'calm'), calm);
  });
});
