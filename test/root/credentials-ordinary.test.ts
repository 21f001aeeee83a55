/** The whole of fpm-ts as an ordinary user, installed where that user can read it. */
import assert from 'node:assert/strict';
import { chownSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { inspectPool } from '../lib/inspect.ts';
import { install } from '../lib/installed.ts';
import { openInner } from '../lib/place.ts';
import { poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const UID = 65_534;

suite('root/credentials-ordinary', { root: true, needs: ['gcc', 'libfcgi', 'setpriv'] }, async scope => {
  const { node, main } = install(scope);
  const program = await compileFixture('inspect');
  const place = openInner(scope, 'daemon');
  chownSync(place.dir, UID, UID);
  const asUser = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--', node, main];
  const path = `${place.dir}/run/www.sock`;
  const pool = poolText({
    command: [program, 'an argument'],
    user: undefined,
    'listen.address': path,
    'listen.mode': '0600',
    umask: '0077',
    chdir: '/usr',
    rlimit_files: 200,
    'process.priority': 4,
    'process.oom_score_adj': 100,
    'process.no_new_privileges': true,
  });
  const port = await freePort();
  const tcp = poolText({ command: [program], user: undefined, 'listen.address': `127.0.0.1:${port}` });
  const daemon = await startDaemon(place, {
    program: asUser,
    pools: { www: pool, tcp },
    expectedLog: [/supervisor \d+ ended \(SIGKILL\)/, /supervisor restarted/],
  });
  const address = unixSocket(path);

  /** As the same user: the daemon's own. */
  async function asOwner(
    ...args: string[]
  ): Promise<{ code: number | null; stderr: string; stdout: string }> {
    const [command = '', ...first] = asUser;
    return runCommand(command, [...first, '-c', daemon.configFile, ...args], { cwd: place.dir });
  }

  await scope.test('all three processes are that user’s', async () => {
    const status = await daemon.status();
    for (const pid of [status.pid, status.supervisor_pid, ...workerPids(status, 'www')])
      assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), new RegExp(`^Uid:(\\s+${UID}){4}$`, 'm'));
  });

  await scope.test('what a worker is started with', async () => {
    const seen = await inspectPool(address);
    assert.deepEqual(seen.argv, [program, 'an argument']);
    assert.deepEqual([seen.uid, seen.gid], [Array(3).fill(UID), Array(3).fill(UID)]);
    assert.deepEqual([seen.umask, seen.cwd, seen.nice, seen.no_new_privileges], ['0077', '/usr', 4, true]);
    assert.deepEqual([seen.sid, seen.descriptors], [seen.pid, [0, 1, 2]]);
    assert.deepEqual([seen.blocked, seen.ignored], [[], []]);
    assert.deepEqual(seen.limits.files, [200, 200]);
    assert.equal(readFileSync(`/proc/${seen.pid}/oom_score_adj`, 'utf8').trim(), '100');
    assert.deepEqual(
      new Set(seen.environment.map(entry => entry.split('=', 1)[0])),
      new Set(['PATH', 'HOME', 'USER', 'LOGNAME']),
    );
  });

  await scope.test('its socket and its run directory are that user’s, and closed to others', () => {
    const { uid, mode } = lstatSync(path);
    assert.deepEqual([uid, mode & 0o777], [UID, 0o600]);
    assert.deepEqual([statSync(daemon.runDir).uid, statSync(daemon.runDir).mode & 0o777], [UID, 0o700]);
  });

  await scope.test(
    'a dead worker is replaced, a reload and the death of the supervisor are survived',
    async () => {
      const before = await daemon.status();
      const [victim = 0] = workerPids(before, 'www');
      process.kill(victim, 'SIGTERM');
      await daemon.statusWhen('another worker', status => {
        const pids = workerPids(status, 'www');
        return pids.length === 2 && !pids.includes(victim) && poolOf(status, 'www').state === 'running';
      });
      const reload = await asOwner('reload');
      assert.equal(reload.code, 0, reload.stderr);
      const reloaded = await daemon.status();
      const supervisor = reloaded.supervisor_pid;
      process.kill(supervisor, 'SIGKILL');
      const after = await daemon.statusWhen('another supervisor', it => it.supervisor_pid !== supervisor);
      assert.deepEqual(
        poolOf(after, 'www').processes.map(({ pid }) => pid),
        poolOf(reloaded, 'www').processes.map(({ pid }) => pid),
      );
      for (const it of [address, { type: 'tcp', host: '127.0.0.1', port } as const])
        assert.match(await askPool(it), /"pid"/);
    },
  );

  await scope.test('check finds nothing wrong', async () => {
    const check = await asOwner('check');
    assert.equal(check.code, 0, check.stdout + check.stderr);
  });

  await scope.test('a stop leaves nothing', () => daemon.stop());
});
