/** An ordinary user who may have no more processes: the workers serve, what cannot be started is said, and made up for. */
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { FAULT_PROGRAM, isWhole, killSpare, limit, openFaultField, SPARE, underLoad } from '../lib/faults.ts';
import { install } from '../lib/installed.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

/** Nobody else's: the limit counts all processes of a user. */
const UID = 61_234;

suite('chaos/faults-processes', { root: true, needs: [...FAULT_PROGRAM.needs, 'setpriv'] }, async scope => {
  const { node, main } = install(scope);
  const field = await openFaultField(scope, {
    transport: 'tcp',
    keys: { user: undefined },
    others: { [SPARE]: scriptPool('exec sleep 600', { 'pm.max_children': 2, user: undefined }) },
    prepare: inner => chownSync(inner.dir, UID, UID),
    daemon: {
      program: ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--', node, main],
      expectedLog: [/SIGKILL/, /EAGAIN/, /backingOff/, /supervisor restarted/],
    },
  });
  const { daemon } = field;

  await scope.test(
    'no worker, no reload and no supervisor can be started, which is said; 0 failed',
    async () => {
      const complaints = await underLoad(scope, field, async () => {
        const before = await daemon.status();
        const restore = limit(scope, daemon.pid, 'processes', 1);
        await killSpare(daemon);
        const why = /1 of 2 workers are ready; .*EAGAIN.*ulimit -u.*TasksMax/;
        const status = await daemon.statusWhen('the pool to say why', it =>
          why.test(poolOf(it, SPARE).reason),
        );
        assert.equal(poolOf(status, SPARE).state, 'degraded');
        await until(() => daemon.log().some(({ event, pool }) => event === 'backingOff' && pool === SPARE), {
          what: 'the next try to be put off',
        });
        const reload = await daemon.cli('reload', STORM_POOL);
        assert.equal(reload.code, 1);
        assert.match(reload.stderr, /EAGAIN.*ulimit -u/);
        process.kill(before.supervisor_pid, 'SIGKILL');
        await until(
          () => daemon.log().some(({ msg }) => /no supervisor could be started .*EAGAIN/.test(msg ?? '')),
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
        const again = await daemon.cli('reload', STORM_POOL);
        assert.equal(again.code, 0, again.stderr);
      });
      assert.deepEqual(complaints, []);
    },
  );
});
