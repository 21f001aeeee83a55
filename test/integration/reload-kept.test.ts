/** A connection that a web server keeps (fastcgi_keep_conn on) looks like a request in hand, and is treated as one. */
import assert from 'node:assert/strict';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { keepConnection } from '../lib/kept-connection.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/reload-kept', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const path = socketOf(scope, 'www');
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'pm.max_children': 1, process_control_timeout: '3s' }) },
    expectedLog: [/"event":"(outOfTime|cut)"/],
  });

  await scope.test(
    'a kept connection is served by the worker that has it until process_control_timeout, and ends then',
    async () => {
      const [old] = workerPids(await daemon.status(), 'www');
      const kept = await keepConnection(scope, { path });
      const isOf = (pid: number | undefined): RegExp => new RegExp(`hello from ${pid}\\n$`);
      assert.match(await kept.ask(''), isOf(old));
      assert.equal((await daemon.cli('reload')).code, 0);
      assert.match(await kept.ask(''), isOf(old));
      const after = await daemon.statusWhen(
        'the old worker to be gone',
        it => poolOf(it, 'www').workers.total === 1,
      );
      const [next] = workerPids(after, 'www');
      assert.notEqual(next, old);
      await assert.rejects(kept.ask(''), /the connection ended/);
      assert.match(await askPool(unixSocket(path)), isOf(next));
      assert.ok(daemon.log().some(({ event, pid }) => event === 'outOfTime' && pid === old));
    },
  );
});
