/** What `fpm-ts takeover` refuses and says, what it may without rights, and what becomes of a path that is removed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { FORMER } from '../lib/former.ts';
import { openMigration, POOL } from '../lib/migration.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const WITHOUT = (capability: string): string[] => [
  '/usr/bin/setpriv',
  `--inh-caps=-${capability}`,
  `--bounding-set=-${capability}`,
  process.execPath,
  MAIN,
];
const { spawnFcgi, phpFpm } = FORMER;

suite('root/takeover-refused', { root: true, needs: ['nginx', ...spawnFcgi.needs] }, async scope => {
  const { daemon, former, address, writePool } = await openMigration(scope, {
    program: spawnFcgi,
    transport: 'unix',
  });
  const refused = async (pid: number | string, exit: number, message: RegExp): Promise<void> => {
    const { code, stderr } = await daemon.cli('takeover', '--pid', String(pid), POOL);
    assert.match(stderr, message);
    assert.equal(code, exit, stderr);
  };

  await scope.test('a process that is none, one that listens on nothing, one of ours', async () => {
    await refused(2 ** 31 - 2, 1, /there is no process 2147483646/);
    await refused('x', 64, /number of a process/);
    await refused(0, 64, /number of a process/);
    const sleep = spawn('sleep', ['60']);
    await once(sleep, 'spawn');
    await refused(sleep.pid ?? 0, 1, /\(sleep\) listens on nothing that is seen here/);
    const ended = once(sleep, 'exit');
    sleep.kill();
    await ended;
    await refused(daemon.pid, 1, /belongs to fpm-ts itself/);
  });

  await scope.test('an address that is not the one that it listens on: both are named', async () => {
    const port = await freePort();
    writePool({ 'listen.address': `127.0.0.1:${port}` });
    await refused(former.pid, 1, new RegExp(`listens on ${address}, and the pool on 127.0.0.1:${port}`));
    writePool();
  });

  await scope.test('a pool that does not exist, is off, keeps its file, or is broken', async () => {
    const { code, stderr } = await daemon.cli('takeover', '--pid', String(former.pid), 'nobody');
    assert.deepEqual([code, /there is no pool nobody.*there are: www/.test(stderr)], [66, true], stderr);
    writePool({ enabled: false });
    await refused(former.pid, 1, /has enabled = false/);
    writePool({ 'listen.swap': 'keep' });
    await refused(former.pid, 1, /listen\.swap = "keep"/);
    writePool({ command: ['/nowhere'] });
    await refused(former.pid, 78, /nowhere/);
    writePool();
  });

  await scope.test('once taken over, a pool that runs is not taken over again', async () => {
    const { code, stdout, stderr } = await daemon.cli('takeover', '--pid', String(former.pid), POOL);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /pool www serves .* with 4 workers; pid \d+ \(php-cgi\) gets nothing new/);
    await refused(former.pid, 1, /pool www runs already/);
    await refused(poolOf(await daemon.status(), POOL).processes[0]?.pid ?? 0, 1, /runs already/);
  });
});

suite('root/takeover-path', { root: true, needs: ['nginx', ...phpFpm.needs] }, async scope => {
  const { daemon, site, former, address } = await openMigration(scope, {
    program: phpFpm,
    transport: 'unix',
    daemon: { expectedLog: [/was removed by somebody: it is there again/] },
  });

  await scope.test(
    'php-fpm removes the path as it stops: the same socket is there again by itself',
    async () => {
      const { code, stderr } = await daemon.cli('takeover', '--pid', String(former.pid), POOL);
      assert.equal(code, 0, stderr);
      assert.equal((await daemon.cli('reload')).code, 0); // the next generation is put back as well
      const { ino } = statSync(address);
      process.kill(former.pid, 'SIGQUIT');
      await until(() => daemon.log().some(({ msg }) => /there again/.test(String(msg))), {
        what: 'the path',
      });
      assert.equal(statSync(address).ino, ino);
      assert.equal((await fetch(`${site.url}/?n=1`)).status, 200);
      assert.equal((await daemon.cli('stop', POOL)).code, 0);
      assert.deepEqual([existsSync(address), existsSync(`${address}.kept`)], [false, false]);
    },
  );
});

for (const transport of ['unix', 'tcp'] as const) {
  suite(`root/takeover-unprivileged-${transport}`, {
    root: true,
    needs: ['nginx', 'setpriv', ...spawnFcgi.needs],
  }, async scope => {
    const { daemon, site, former } = await openMigration(scope, {
      program: spawnFcgi,
      transport,
      daemon: { program: WITHOUT('sys_ptrace') },
    });
    const takeOver = () => daemon.cli('takeover', '--pid', String(former.pid), POOL);

    if (transport === 'tcp') {
      await scope.test(
        'without CAP_SYS_PTRACE a TCP listener cannot be taken: 77, and nothing has changed',
        async () => {
          const { code, stderr } = await takeOver();
          assert.equal(code, 77, stderr);
          assert.match(stderr, /CAP_SYS_PTRACE/);
          assert.equal((await fetch(`${site.url}/?n=1`)).status, 200);
        },
      );
    } else {
      await scope.test('without CAP_SYS_PTRACE a Unix path is taken all the same', async () => {
        const { code, stderr } = await takeOver();
        assert.equal(code, 0, stderr);
        await former.end();
        assert.equal((await fetch(`${site.url}/?n=1`)).status, 200);
      });
    }
  });
}
