/** Workers in a jail: what they see, and that they have the user, the groups and the limits all the same. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { type Inspection, inspectPool } from '../lib/inspect.ts';
import { jailed } from '../lib/jail.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('root/chroot', { root: true, needs: ['gcc', 'libfcgi'] }, async scope => {
  const jail = join(scope.dir, 'jail');
  mkdirSync(join(jail, 'srv/app'), { recursive: true });
  jailed(jail, await compileFixture('inspect'), '/app/inspect');
  jailed(jail, '/bin/sh', '/bin/sh');
  const keys = { user: 'www-data', chroot: jail, 'pm.max_children': 1, rlimit_files: 123 };
  // chroot(1) would look the numbers up there, where the pool's user may write.
  const hostile = join(scope.dir, 'hostile');
  jailed(hostile, await compileFixture('inspect'), '/app/inspect');
  mkdirSync(join(hostile, 'etc'));
  writeFileSync(join(hostile, 'etc/passwd'), '33:x:0:0::/:/bin/sh\n');
  const entries = [33, 34, 103].map(number => `${number}:x:0:\n`).join('');
  writeFileSync(join(hostile, 'etc/group'), entries);
  cpSync('/etc/nsswitch.conf', join(hostile, 'etc/nsswitch.conf'));
  const daemon = await startDaemon(scope, {
    pools: {
      hostile: poolText({
        ...keys,
        chroot: hostile,
        command: ['/app/inspect'],
        'listen.address': socketOf(scope, 'hostile'),
      }),
      top: poolText({ ...keys, command: ['/app/inspect', 'a b'], 'listen.address': socketOf(scope, 'top') }),
      inside: poolText({
        ...keys,
        command: ['/app/inspect', '$$HOME', "'"],
        chdir: '/srv/app',
        'process.no_new_privileges': true,
        'listen.address': socketOf(scope, 'inside'),
      }),
    },
  });
  const inspect = (name: string): Promise<Inspection> => inspectPool(unixSocket(socketOf(scope, name)));

  await scope.test('the worker sees the jail and nothing else', async () => {
    const seen = await inspect('top');
    assert.deepEqual(
      new Set(seen.root),
      new Set(['app', 'bin', 'srv', ...seen.root.filter(it => /^(lib|usr)/.test(it))]),
    );
    assert.ok(!seen.root.includes('etc') && !seen.root.includes('proc'), seen.root.join(' '));
    assert.equal(readlinkSync(`/proc/${seen.pid}/root`), jail);
    assert.equal(seen.cwd, '/');
    assert.deepEqual(seen.argv, ['/app/inspect', 'a b']);
  });

  await scope.test('chdir leads to a directory inside', async () => {
    const seen = await inspect('inside');
    assert.equal(seen.cwd, '/srv/app');
    assert.equal(readlinkSync(`/proc/${seen.pid}/cwd`), join(jail, 'srv/app'));
    assert.deepEqual(seen.argv.slice(1), ['$HOME', "'"]);
  });

  for (const name of ['top', 'inside', 'hostile']) {
    await scope.test(
      `${name}: user, groups, session, descriptors, signals and limits as outside`,
      async () => {
        const seen = await inspect(name);
        assert.deepEqual([seen.uid, seen.gid], [Array(3).fill(33), Array(3).fill(33)]);
        assert.ok(seen.groups.includes(33) && !seen.groups.includes(0), seen.groups.join(' '));
        assert.deepEqual([seen.pid, seen.sid], [workerPids(await daemon.status(), name)[0], seen.pid]);
        assert.deepEqual([seen.descriptors, seen.blocked, seen.ignored], [[0, 1, 2], [], []]);
        assert.deepEqual(seen.limits.files, [123, 123]);
        assert.equal(seen.no_new_privileges, name === 'inside');
        assert.deepEqual(
          new Set(seen.environment.map(entry => entry.split('=', 1)[0])),
          new Set(['PATH', 'HOME', 'USER', 'LOGNAME']),
        );
      },
    );
  }
});
