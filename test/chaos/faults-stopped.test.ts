/** Somebody stops the supervisor with SIGSTOP for 20 seconds, and the keeper for a few, while requests come in. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { FAULT_PROGRAM, isWhole, killSpare, openFaultField, SPARE, told, underLoad } from '../lib/faults.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

/** Longer than every timeout of the pool. */
const STOPPED_MS = 20_000;
const KEEPER_STOPPED_MS = 3000;

suite('chaos/faults-stopped', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    keys: { start_timeout: '10s', process_control_timeout: '10s', request_terminate_timeout: '10s' },
    daemon: { expectedLog: [/SIGKILL/] },
  });
  const { daemon } = field;

  /** What was done for want of time. */
  const hasty = (): number =>
    ['cut', 'outOfTime', 'startTimedOut', 'requestTimedOut', 'backingOff'].reduce(
      (sum, it) => sum + told(daemon, it),
      0,
    );

  await scope.test('the supervisor, for 20 s: it catches up, and 0 requests fail', async () => {
    const complaints = await underLoad(scope, field, async () => {
      const before = await daemon.status();
      const [victim = 0] = workerPids(before, SPARE);
      // One of the old generation is still busy when the supervisor is stopped, and free long before it goes on.
      const slow = askPool(unixSocket(join(daemon.runDir, `${STORM_POOL}.sock`)), { query: 'delay_ms=4000' });
      assert.equal((await daemon.cli('reload', STORM_POOL)).code, 0);
      await daemon.statusWhen('one to leave', it => poolOf(it, STORM_POOL).workers.stopping === 1);
      process.kill(before.supervisor_pid, 'SIGSTOP');
      try {
        process.kill(victim, 'SIGKILL');
        process.kill(daemon.pid, 'SIGHUP');
        const [status] = await Promise.all([daemon.cli('status'), delay(STOPPED_MS)]);
        assert.equal(status.code, 1);
        assert.match(status.stderr, /has stopped it.*The workers continue/);
      } finally {
        process.kill(before.supervisor_pid, 'SIGCONT');
      }
      assert.match(await slow, /^\d+ \n$/);
      const after = await daemon.statusWhen(
        'both reloads, and a worker in the place of the one that died',
        it => isWhole(it) && poolOf(it, STORM_POOL).counters.reloads === 2,
      );
      assert.equal(after.supervisor_pid, before.supervisor_pid);
      const old = workerPids(before, STORM_POOL);
      assert.ok(workerPids(after, STORM_POOL).every(pid => !old.includes(pid)));
      assert.equal(poolOf(after, SPARE).counters.crashed, 1);
    });
    assert.deepEqual(complaints, []);
    assert.equal(hasty(), 0);
  });

  await scope.test('the keeper, for some seconds: status answers, and 0 requests fail', async () => {
    const complaints = await underLoad(scope, field, async () => {
      const before = await daemon.status();
      process.kill(daemon.pid, 'SIGSTOP');
      let victim: number;
      try {
        victim = await killSpare(daemon);
        process.kill(daemon.pid, 'SIGHUP');
        await delay(KEEPER_STOPPED_MS);
        assert.equal((await daemon.cli('status')).code, 0);
      } finally {
        process.kill(daemon.pid, 'SIGCONT');
      }
      const { reloads } = poolOf(before, STORM_POOL).counters;
      const after = await daemon.statusWhen(
        'the reload, and another worker',
        it =>
          isWhole(it) &&
          poolOf(it, STORM_POOL).counters.reloads > reloads &&
          !workerPids(it, SPARE).includes(victim),
      );
      assert.equal(after.supervisor_pid, before.supervisor_pid);
    });
    assert.deepEqual(complaints, []);
    assert.equal(hasty(), 0);
  });
});
