/**
 * A start that is refused while the workers of a killed keeper still serve: what is wrong is said, and those workers are
 * not taken for strangers who have the addresses.
 */
import assert from 'node:assert/strict';
import { chmodSync, linkSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { isAlive, kill, readStat } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

async function startPools(scope: Scope): Promise<Daemon> {
  const hello = await helloPools(scope);
  return await startDaemon(scope, {
    pools: {
      unix: hello('unix'),
      tcp: hello('tcp', { 'listen.address': `127.0.0.1:${await freePort()}` }),
    },
    expectedLog: [/ended without stopping/, /"event":"restored"/, /it is not used/, /"event":"poolFailed"/],
  });
}

const pidsOf = async (daemon: Daemon): Promise<number[]> => {
  const status = await daemon.status();
  return ['unix', 'tcp'].flatMap(pool => workerPids(status, pool));
};

suite('integration/adoption-refused', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const daemon = await startPools(scope);
  const pidFile = join(daemon.runDir, 'fpm-ts.pid');

  const rows: [what: string, spoil: () => void, mend: () => void, why: RegExp][] = [
    [
      'run_dir, in which others may write',
      () => chmodSync(daemon.runDir, 0o1777),
      () => chmodSync(daemon.runDir, 0o755),
      /run_dir: other users may write in .*chmod go-w/s,
    ],
    [
      'pid_file, which has a second name',
      () => linkSync(pidFile, `${pidFile}.too`),
      () => rmSync(`${pidFile}.too`),
      /pid_file .* is no file of its own: remove it/,
    ],
    [
      'the lock, which others could open',
      () => chmodSync(join(daemon.runDir, 'lock'), 0o666),
      () => rmSync(join(daemon.runDir, 'lock')),
      /lock file .* can be opened by others.*remove it/,
    ],
  ];
  for (const [what, spoil, mend, why] of rows)
    await scope.test(`${what}: only that is said, and what still serves; mended, it goes on`, async () => {
      const pids = await pidsOf(daemon);
      await daemon.crash();
      assert.equal((await daemon.cli('check')).code, 0, 'what is left is in nobody’s way');
      spoil();
      const start = await daemon.cli('start');
      assert.notEqual(start.code, 0);
      assert.match(start.stderr, why);
      assert.doesNotMatch(start.stderr, /taken/);
      assert.match(start.stderr, /4 workers of the last fpm-ts still serve: a start continues/);
      const check = await daemon.cli('check');
      assert.doesNotMatch(check.stdout + check.stderr, /taken/);
      assert.match(await askPool(unixSocket(socketOf(scope, 'unix'))), /^hello from/);
      mend();
      await daemon.startAgain();
      assert.deepEqual(await pidsOf(daemon), pids);
    });
});

suite('integration/adoption-unknown', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const daemon = await startPools(scope);

  await scope.test(
    'a journal that is damaged: whoever has the address may be what it would name',
    async () => {
      const workers = (await pidsOf(daemon)).flatMap(pid => readStat(pid) ?? []);
      await daemon.crash();
      truncateSync(join(daemon.runDir, 'state.journal'), 200);
      for (const command of ['check', 'start']) {
        const { code, stdout, stderr } = await daemon.cli(command);
        assert.equal(code, 78, stderr);
        const perhaps =
          /is taken: .*, perhaps a worker that an earlier fpm-ts has left \(.*state\.journal is cut short/g;
        assert.equal((stdout + stderr).match(perhaps)?.length, 2, stdout + stderr);
      }
      for (const worker of workers) kill(worker, 'SIGKILL');
      await until(() => !workers.some(isAlive), { what: 'the workers to be gone' });
      await daemon.startAgain();
    },
  );
});
