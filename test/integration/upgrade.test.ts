/** `fpm-ts upgrade`: the running program becomes the installed one, with everything that it has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { openVersions } from '../lib/versions.ts';

const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);

suite('integration/upgrade', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const versions = openVersions(scope, '1.0.0');
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), sleeper: hello('sleeper', { 'pm.mode': 'ondemand' }) },
    program: [process.execPath, versions.main],
    expectedLog: [/SIGKILL|out of memory/],
  });
  const before = await daemon.status();

  await scope.test('--dry-run says whether it would work, and does nothing', async () => {
    versions.use('1.1.0');
    const { code, stdout } = await daemon.cli('upgrade', '--dry-run');
    assert.equal(code, 0);
    assert.match(
      stdout,
      new RegExp(`^fpm-ts 1.0.0 \\(pid ${daemon.pid}\\) can be upgraded to 1.1.0; nothing`),
    );
    assert.equal((await daemon.status()).supervisor_pid, before.supervisor_pid);
  });

  await scope.test('the same pid, workers, counters, another version and supervisor', async () => {
    const { code, stdout, stderr } = await daemon.cli('upgrade');
    assert.deepEqual(
      [code, stdout, stderr],
      [0, `upgraded from 1.0.0 to 1.1.0, pid ${daemon.pid} as before\n`, ''],
    );
    const after = await daemon.status();
    assert.deepEqual([after.version, after.pid, after.started_at], ['1.1.0', before.pid, before.started_at]);
    assert.notEqual(after.supervisor_pid, before.supervisor_pid);
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
    assert.deepEqual(poolOf(after, 'www').counters, poolOf(before, 'www').counters);
    assert.equal(Number(readFileSync(join(daemon.runDir, 'fpm-ts.pid'), 'utf8')), daemon.pid);
    assert.ok(isHello(await askPool(unixSocket(socketOf(scope, 'www')))));
  });

  await scope.test('an on-demand pool that was at rest wakes afterwards', async () => {
    assert.equal(poolOf(await daemon.status(), 'sleeper').workers.total, 0);
    assert.ok(isHello(await askPool(unixSocket(socketOf(scope, 'sleeper')))));
  });

  await scope.test(
    'the workers are children as before: how one ends is known, and it is replaced',
    async () => {
      const [victim = 0] = workerPids(await daemon.status(), 'www');
      process.kill(victim, 'SIGKILL');
      await daemon.statusWhen('another worker', status => {
        const pids = workerPids(status, 'www');
        return pids.length === 2 && !pids.includes(victim) && poolOf(status, 'www').state === 'running';
      });
      assert.ok(daemon.log().some(it => it.pid === victim && /SIGKILL/.test(it.msg ?? '')));
      assert.equal(poolOf(await daemon.status(), 'www').counters.crashed, 1);
    },
  );

  await scope.test('again and again: no descriptor is left over', async () => {
    const held = openDescriptors(daemon.pid);
    for (const version of ['1.0.0', '1.1.0']) {
      versions.use(version);
      const { code, stdout } = await daemon.cli('upgrade', '--json');
      assert.equal(code, 0);
      assert.equal((JSON.parse(stdout) as { to: string }).to, version);
    }
    assert.equal(openDescriptors(daemon.pid), held);
  });

  await scope.test('a second one that comes meanwhile is the same', async () => {
    const upgrades = await Promise.all([daemon.cli('upgrade'), daemon.cli('upgrade')]);
    assert.deepEqual(
      upgrades.map(({ code, stderr }) => [code, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
  });

  await scope.test('a reload works afterwards, and the stop', async () => {
    assert.equal((await daemon.cli('reload')).code, 0);
    await daemon.stop();
  });
});
