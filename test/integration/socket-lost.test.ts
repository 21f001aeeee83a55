/** A pool whose socket file was removed or replaced serves nobody: `status` says so, and what it names as the way back is one. */
import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/socket-lost', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other'), kept: hello('kept', { 'listen.swap': 'keep' }) },
    expectedLog: [/"event":"socketLost","pool":"(www|kept)"/, /"event":"(reloadFailed|rollCancelled)"/],
  });
  const socket = socketOf(scope, 'www');

  async function assertLost(what: RegExp): Promise<void> {
    const status = await daemon.status();
    const { state, reason } = poolOf(status, 'www');
    assert.equal(state, 'degraded');
    assert.match(reason, what);
    assert.ok(reason.includes(socket) && reason.includes('`fpm-ts reload www`'), reason);
    assert.equal(poolOf(status, 'other').state, 'running');
    assert.equal((await daemon.cli('status', '--check')).code, 1);
  }

  async function assertBack(): Promise<void> {
    assert.equal((await daemon.cli('reload', 'www')).code, 0);
    const { state, reason } = poolOf(await daemon.status(), 'www');
    assert.deepEqual([state, reason], ['running', '']);
    assert.match((await daemon.cli('request', 'www', '/')).stdout, /^hello/);
  }

  await scope.test('removed, which the log tells without being asked, once', async () => {
    rmSync(socket);
    const lost = (): number => daemon.log().filter(({ event }) => event === 'socketLost').length;
    await until(() => lost() === 1, { what: 'the log to tell' });
    await assertLost(/is gone, so nobody can connect/);
    await assertBack();
    await until(() => daemon.log().some(({ event }) => event === 'socketBack'), { what: 'the log to tell' });
    assert.equal(lost(), 1);
  });

  await scope.test('renamed, and back', async () => {
    renameSync(socket, `${socket}.away`);
    await assertLost(/is gone/);
    renameSync(`${socket}.away`, socket);
    assert.equal(poolOf(await daemon.status(), 'www').state, 'running');
  });

  await scope.test('replaced by a socket of another process', async () => {
    rmSync(socket);
    const intruder = createServer();
    await new Promise<void>(resolve => intruder.listen(socket, resolve));
    await assertLost(/has been replaced by another file/);
    await new Promise(resolve => intruder.close(resolve)); // removes its file
    await assertBack();
  });

  await scope.test(
    'one that is to keep its inode is not replaced by a reload: what is named brings it back',
    async () => {
      rmSync(socketOf(scope, 'kept'));
      const { reason } = poolOf(await daemon.status(), 'kept');
      assert.match(reason, /is gone, .*`fpm-ts stop kept` and `fpm-ts start kept` bring it back$/);
      const reload = await daemon.cli('reload', 'kept');
      assert.equal(reload.code, 1);
      assert.match(reload.stderr, /has been removed, .*stop the pool and start it again/);
      assert.equal((await daemon.cli('stop', 'kept')).code, 0);
      assert.equal((await daemon.cli('start', 'kept')).code, 0);
      assert.match((await daemon.cli('request', 'kept', '/')).stdout, /^hello/);
    },
  );
});
