/**
 * Files by which others find us are removed while requests come in. One pool has the load, on TCP; another one is what
 * happens to.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stateIn } from '../../src/keeper/handover/journal-reader.ts';
import { unixSocket } from '../lib/ask-pool.ts';
import { FAULT_PROGRAM, openFaultField, told, underLoad } from '../lib/faults.ts';
import { startGated } from '../lib/gated.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

suite('chaos/faults-sockets', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    transport: 'tcp',
    daemon: { expectedLog: [/is there again/, /state\.json cannot be written/] },
  });
  const { daemon } = field;

  await scope.test('the run directory is deleted: it comes back by itself, and 0 requests fail', async () => {
    const before = await daemon.status();
    const complaints = await underLoad(scope, field, async () => {
      rmSync(daemon.runDir, { recursive: true });
      const status = await daemon.cli('status');
      assert.deepEqual([status.code, status.stderr], [0, '']);
      const after = await daemon.status();
      assert.deepEqual(workerPids(after, STORM_POOL), workerPids(before, STORM_POOL));
      assert.equal(after.supervisor_pid, before.supervisor_pid);
      assert.equal(readFileSync(join(daemon.runDir, 'fpm-ts.pid'), 'utf8'), `${daemon.pid}\n`);
      rmSync(daemon.runDir, { recursive: true });
      process.kill(daemon.pid, 'SIGHUP');
      await daemon.statusWhen('a reload', it => it.last_reload?.ok === true);
    });
    assert.deepEqual(complaints, []);
    assert.ok(told(daemon, 'controlRestored') >= 1);
  });

  await scope.test('so does what the next start would need, should the keeper be killed', async () => {
    await until(() => isWhole(join(daemon.runDir, 'state.journal')), { what: 'state.journal' });
  });
});

suite('chaos/faults-sockets of a pool', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(openInner(scope, 'loaded'), { transport: 'tcp' });
  const gated = await startGated(
    openInner(scope, 'lost'),
    { www: { keys: {} } },
    { expectedLog: [/"event":"socketLost","pool":"www"/], ownSession: true },
  );
  const { daemon } = gated;
  const address = gated.address('www');
  const path = address.type === 'unix' ? address.path : '';

  await scope.test(
    'a socket file is deleted: requests in hand end, a reload brings it back, other pools lose nothing',
    async () => {
      const complaints = await underLoad(scope, field, async () => {
        const inHand = gated.ask(address, 2);
        await gated.untilInHand(2);
        const old = workerPids(await daemon.status(), 'www');
        // Whoever waits in the queue has connected before the file went.
        const waiting = gated.ask(address, 3);
        await gated.poolWhen('www', 'three to wait', ({ queue }) => queue.length === 3);
        rmSync(path);
        await until(() => told(daemon, 'socketLost') === 1, { what: 'the log to tell' });
        assert.match(
          poolOf(await daemon.status(), 'www').reason,
          /is gone, so nobody can connect: `fpm-ts reload www`/,
        );
        assert.match(String((await gated.ask(address, 1))[0]), /ENOENT/);
        const reload = await daemon.cli('reload', 'www');
        assert.equal(reload.code, 0, reload.stderr);
        const later = gated.ask(unixSocket(path), 2);
        await gated.untilInHand(4);
        gated.open('www');
        for (const pid of [...(await inHand), ...(await waiting)])
          assert.ok(old.includes(Number(pid)), `${pid}`);
        for (const pid of await later) assert.ok(typeof pid === 'number' && !old.includes(pid), `${pid}`);
      });
      assert.deepEqual(complaints, []);
    },
  );
});

function isWhole(journal: string): boolean {
  try {
    return stateIn(readFileSync(journal, 'utf8')).workers.length > 0;
  } catch {
    return false;
  }
}
