/** Workers are heard while the supervisor is dead, again and again, or stands still. */
import assert from 'node:assert/strict';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { readStat } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/output-supervisor', {}, async scope => {
  // A line every ten milliseconds, numbered, so that a gap shows.
  const daemon = await startDaemon(scope, {
    pools: { www: scriptPool('i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.01; done') },
    expectedLog: [/supervisor/],
  });
  const ticks = (): number[] =>
    daemon.log().flatMap(
      ({ msg }) =>
        /^tick (\d+)$/
          .exec(msg ?? '')
          ?.slice(1)
          .map(Number) ?? [],
    );
  const moreTicks = async (): Promise<void> => {
    const before = ticks().length;
    await until(() => ticks().length >= before + 10, { what: 'ten more lines' });
  };

  await scope.test('while it stands still', async () => {
    const { supervisor_pid: pid } = await daemon.status();
    process.kill(pid, 'SIGSTOP');
    await until(() => readStat(pid)?.state === 'T', { what: 'it to stand still' });
    await moreTicks();
    process.kill(pid, 'SIGCONT');
  });

  await scope.test('while it is killed with -9 again and again', async () => {
    const worker = poolOf(await daemon.status(), 'www').processes[0]?.pid;
    for (let times = 0; times < 3; times++) {
      const { supervisor_pid: pid } = await daemon.status();
      process.kill(pid, 'SIGKILL');
      await moreTicks();
      await daemon.statusWhen('a new supervisor', ({ supervisor_pid }) => supervisor_pid !== pid);
    }
    assert.equal(poolOf(await daemon.status(), 'www').processes[0]?.pid, worker);
  });

  await scope.test('not one line is missing', () => {
    const seen = ticks();
    assert.deepEqual(
      seen,
      seen.map((_, index) => index + 1),
    );
  });
});
