/**
 * Keeper or supervisor may not open another file, as with a limit that was set too low or a machine that has none left:
 * the workers serve, what cannot be done is said, and when there are descriptors again all is as it should be.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  FAULT_PROGRAM,
  isWhole,
  killSpare,
  limit,
  openFaultField,
  SPARE,
  told,
  underLoad,
} from '../lib/faults.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { descendants, isAlive } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

/** Below what each of the two has open: not one more can be had. */
const TOO_FEW = 10;

suite('chaos/faults-descriptors of the supervisor', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    daemon: { expectedLog: [/SIGKILL/, /"event":"(blind|sighted)"/] },
  });
  const { daemon } = field;

  await scope.test(
    'nothing is decided blindly, it is said once, and made up for afterwards: 0 failed',
    async () => {
      const before = await daemon.status();
      const [victim = 0] = workerPids(before, SPARE);
      const complaints = await underLoad(scope, field, async () => {
        const restore = limit(scope, before.supervisor_pid, 'files', TOO_FEW);
        await until(() => told(daemon, 'blind') === 1, { what: 'the log to say so' });
        // A client that cannot be accepted waits, and keeps nobody from anything.
        const client = connect(daemon.controlSocket);
        await once(client, 'connect');
        process.kill(victim, 'SIGKILL');
        await until(() => daemon.log().some(({ event, pid }) => event === 'exited' && pid === victim), {
          what: 'the end of a worker to be noticed all the same',
        });
        restore();
        client.write('GET /v1/status HTTP/1.0\r\n\r\n');
        assert.match(await text(client), /^HTTP\/1\.1 200 /);
        await daemon.statusWhen(
          'a worker in its place',
          it => isWhole(it) && !workerPids(it, SPARE).includes(victim),
        );
        assert.equal((await daemon.cli('reload')).code, 0);
      });
      assert.deepEqual(complaints, []);
      assert.deepEqual([told(daemon, 'blind'), told(daemon, 'sighted')], [1, 1]);
      assert.equal((await daemon.status()).supervisor_pid, before.supervisor_pid);
    },
  );
});

suite('chaos/faults-descriptors of the keeper', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    // A leader that leaves a group behind when it dies.
    others: {
      family: scriptPool('sleep 600 & sleep 600 & sleep 600 & wait', { process_control_timeout: '1s' }),
    },
    daemon: {
      expectedLog: [
        /SIGKILL/,
        /too many open files/,
        /backingOff/,
        /supervisor restarted/,
        /poolFailed/,
        /"event":"cut","pool":"family"/,
      ],
    },
  });
  const { daemon } = field;

  await scope.test(
    'no worker, no reload and no supervisor can be started, which is said; 0 failed',
    async () => {
      const complaints = await underLoad(scope, field, async () => {
        const before = await daemon.status();
        const restore = limit(scope, daemon.pid, 'files', TOO_FEW);
        await killSpare(daemon);
        const { reason } = poolOf(
          await daemon.statusWhen('the pool to say why', it => /EMFILE/.test(poolOf(it, SPARE).reason)),
          SPARE,
        );
        assert.match(reason, /1 of 2 workers are ready; .*the keeper may have 10 files open/);
        const reload = await daemon.cli('reload', STORM_POOL);
        assert.equal(reload.code, 1);
        assert.match(reload.stderr, /the keeper may have 10 files open/);
        process.kill(before.supervisor_pid, 'SIGKILL');
        await until(
          () =>
            daemon.log().some(({ msg }) => /no supervisor could be started .*10 files open/.test(msg ?? '')),
          {
            what: 'the keeper to say that there is no supervisor',
          },
        );
        restore();
        const after = await daemon.statusWhen(
          'another supervisor, and whole pools',
          it => it.supervisor_pid !== before.supervisor_pid && isWhole(it),
        );
        assert.deepEqual(workerPids(after, STORM_POOL), workerPids(before, STORM_POOL));
        const reloads = await daemon.cli('reload', STORM_POOL);
        assert.equal(reloads.code, 0, reloads.stderr);
      });
      assert.deepEqual(complaints, []);
    },
  );

  await scope.test('what a worker leaves behind while nobody can look is found', async () => {
    const [leader = 0] = workerPids(await daemon.status(), 'family');
    const family = descendants(leader);
    assert.equal(family.length, 3);
    const restore = limit(scope, daemon.pid, 'files', TOO_FEW);
    process.kill(leader, 'SIGKILL');
    await until(() => daemon.log().some(({ event, pid }) => event === 'exited' && pid === leader), {
      what: 'its end to be told',
    });
    restore();
    await daemon.statusWhen('nobody but its successor', it => {
      const { state, workers } = poolOf(it, 'family');
      return state === 'running' && workers.total === 1 && !workerPids(it, 'family').includes(leader);
    });
    assert.deepEqual(family.filter(isAlive), []);
    assert.ok(!daemon.log().some(({ msg }) => msg?.startsWith('keeper: ')), 'nobody has foreseen it');
  });
});
