/** Whom a worker runs as, read back from the worker and from the kernel. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { type Inspection, inspectPool } from '../lib/inspect.ts';
import { MAIN } from '../lib/paths.ts';
import { type PoolKeys, poolText, socketOf } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

/** Groups that exist for this test alone, so that the user has more than one, whatever machine this is. */
const EXTRA = [61_001, 61_002];
const WWW_DATA = 33;

suite('root/credentials', { root: true, needs: ['gcc', 'libfcgi'] }, async scope => {
  const program = await compileFixture('inspect');
  const groupFile = join(scope.dir, 'group');
  const extra = EXTRA.map(gid => `fpm-ts-test-${gid}:x:${gid}:daemon,www-data\n`);
  writeFileSync(groupFile, readFileSync('/etc/group', 'utf8') + extra.join(''), { mode: 0o644 });
  const pool = (name: string, keys: PoolKeys): string =>
    poolText({ command: [program], 'listen.address': socketOf(scope, name), 'pm.max_children': 1, ...keys });
  await startDaemon(scope, {
    // In a mount namespace of its own the daemon sees another group file; the machine's stays as it is.
    program: [
      'unshare',
      '--mount',
      '/bin/sh',
      '-c',
      'mount --bind "$0" /etc/group && exec "$@"',
      groupFile,
      process.execPath,
      MAIN,
    ],
    pools: {
      name: pool('name', { user: 'www-data' }),
      number: pool('number', { user: String(WWW_DATA) }),
      group: pool('group', { user: 'www-data', group: 'daemon' }),
      nobody: pool('nobody', { user: '61099', group: '61098' }),
      root: pool('root', { user: 'root', allow_root: true }),
      strict: pool('strict', {
        user: 'www-data',
        'process.no_new_privileges': true,
        'process.priority': -3,
        'process.oom_score_adj': 200,
        rlimit_nproc: 4000,
        rlimit_files: 300,
      }),
    },
    expectedLog: [/root/],
  });
  const inspect = (name: string): Promise<Inspection> => inspectPool(unixSocket(socketOf(scope, name)));
  const sorted = (groups: readonly number[]): number[] => groups.toSorted((a, b) => a - b);
  const variable = ({ environment }: Inspection, name: string): string | undefined =>
    environment.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1);

  for (const name of ['name', 'number']) {
    await scope.test(
      `user by ${name}: real, effective and saved ids, and every supplementary group`,
      async () => {
        const seen = await inspect(name);
        assert.deepEqual([seen.uid, seen.gid], [Array(3).fill(WWW_DATA), Array(3).fill(WWW_DATA)]);
        assert.deepEqual(sorted(seen.groups), [WWW_DATA, ...EXTRA]);
        assert.equal(variable(seen, 'USER'), 'www-data');
        assert.equal(variable(seen, 'LOGNAME'), 'www-data');
        assert.equal(variable(seen, 'HOME'), '/var/www');
      },
    );
  }

  await scope.test('another group: it takes the place of the primary one', async () => {
    const seen = await inspect('group');
    assert.deepEqual(seen.gid, [1, 1, 1]);
    assert.deepEqual(sorted(seen.groups), [1, ...EXTRA]);
  });

  await scope.test('a uid that nobody has: no group but the one that was said', async () => {
    const seen = await inspect('nobody');
    assert.deepEqual([seen.uid[1], seen.gid[1], seen.groups], [61_099, 61_098, []]);
    assert.equal(variable(seen, 'HOME'), '/');
  });

  await scope.test('no capability is left', async () => {
    const { pid } = await inspect('name');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
      assert.match(status, new RegExp(`^${set}:\\s+0{16}$`, 'm'), set);
  });

  await scope.test('root only where allow_root says so', async () => {
    assert.equal((await inspect('root')).uid[1], 0);
  });

  await scope.test('what needs root is set before the user changes', async () => {
    const seen = await inspect('strict');
    const score = readFileSync(`/proc/${seen.pid}/oom_score_adj`, 'utf8').trim();
    assert.deepEqual([seen.uid[1], seen.nice, score], [WWW_DATA, -3, '200']);
    assert.equal(seen.no_new_privileges, true);
    assert.deepEqual([seen.limits.nproc, seen.limits.files], [Array(2).fill(4000), Array(2).fill(300)]);
    assert.deepEqual(sorted(seen.groups), [WWW_DATA, ...EXTRA]);
  });
});
