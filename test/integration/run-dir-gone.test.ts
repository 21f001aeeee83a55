/** The run directory is removed from under a running instance: it comes back by itself, by a signal, and by the next supervisor. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { removeRunDir } from '../lib/run-directory.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/run-dir-gone', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const pools = { www: hello('www', { 'listen.address': join(scope.dir, 'www.sock') }) };
  const daemon = await startDaemon(scope, {
    pools,
    expectedLog: [/supervisor/, /is there again/, /reload failed/, /state\.journal cannot be written/],
  });
  const pidFile = join(daemon.runDir, 'fpm-ts.pid');
  const said = (text: string): boolean => daemon.log().some(({ msg }) => msg?.includes(text) === true);

  await scope.test('control socket and pid file come back by themselves', async () => {
    const before = await daemon.status();
    removeRunDir(daemon);
    const { code, stderr } = await daemon.cli('status');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
    assert.deepEqual(workerPids(await daemon.status(), 'www'), workerPids(before, 'www'));
  });

  await scope.test('SIGHUP restores control socket and pid file, and reloads', async () => {
    const before = workerPids(await daemon.status(), 'www');
    removeRunDir(daemon);
    process.kill(daemon.pid, 'SIGHUP');
    const after = await daemon.statusWhen('the reload', ({ last_reload: reload }) => reload?.ok === true);
    assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
    assert.notDeepEqual(workerPids(after, 'www'), before);
    assert.ok(said(`the control socket ${daemon.controlSocket} was gone`));
    assert.ok(said(`the pid file ${pidFile} was gone`));
  });

  await scope.test('a configuration that is broken meanwhile does not stand in the way', async () => {
    const file = join(daemon.poolsDir, 'www.toml');
    const good = readFileSync(file);
    writeFileSync(file, 'broken');
    removeRunDir(daemon);
    process.kill(daemon.pid, 'SIGHUP');
    await daemon.statusWhen('the reload that fails', ({ last_reload: reload }) => reload?.ok === false);
    writeFileSync(file, good);
    assert.equal((await daemon.cli('reload')).code, 0);
  });

  await scope.test('a socket that is in its place stays there', async () => {
    const inTime = daemon.log().length;
    process.kill(daemon.pid, 'SIGHUP');
    const later = () => daemon.log().slice(inTime);
    await until(() => later().some(({ event }) => event === 'reloaded'), { what: 'the reload' });
    assert.ok(!later().some(({ msg }) => msg?.includes('is there again')));
  });

  await scope.test('the next supervisor makes it anew and has the same workers', async () => {
    const before = await daemon.statusWhen(
      'one generation',
      status => workerPids(status, 'www').length === 2,
    );
    removeRunDir(daemon);
    process.kill(before.supervisor_pid, 'SIGKILL');
    const after = await daemon.statusWhen(
      'another supervisor',
      status => status.supervisor_pid !== before.supervisor_pid,
    );
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
    assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
  });
});
