/**
 * The directories that workers begin in are the tenant's to exchange, and the keeper enters them as root each time that it
 * starts a worker: it comes to no place that its user could not reach.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDirectoryFor } from '../../src/os/exchange.ts';
import { startDaemon } from '../lib/daemon.ts';
import { exchange } from '../lib/exchange.ts';
import { jailed } from '../lib/jail.ts';
import { type PoolKeys, poolText } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const [ALICE, MALLORY] = [4401, 4402];
const AS_MALLORY = [`--reuid=${MALLORY}`, `--regid=${MALLORY}`, '--clear-groups'];

const WAYS: readonly (readonly [key: 'chdir' | 'chroot', keys: (own: string) => PoolKeys])[] = [
  ['chdir', own => ({ chdir: own })],
  ['chroot', own => ({ chroot: own, chdir: '/' })],
];

for (const [key, keys] of WAYS)
  suite(`root/exchanged-directory: ${key}`, { root: true, needs: ['gcc', 'setpriv'] }, async scope => {
    const home = (name: string, uid: number): string => {
      const path = join(scope.dir, name);
      mkdirSync(path);
      chownSync(path, uid, uid);
      chmodSync(path, 0o700);
      return path;
    };
    const hers = join(home('alice', ALICE), 'site');
    const own = join(home('mallory', MALLORY), 'app');
    const closed = join(scope.dir, 'closed');
    for (const place of [hers, own, closed]) jailed(place, '/bin/sleep', '/bin/sleep');
    chmodSync(closed, 0o700);
    const daemon = await startDaemon(scope, {
      pools: {
        mallory: poolText({
          command: ['/bin/sleep', '1000'],
          protocol: 'other',
          listen: 'none',
          'pm.max_children': 1,
          user: String(MALLORY),
          group: String(MALLORY),
          ...keys(own),
        }),
      },
      expectedLog: [/mallory/],
    });
    const place = key === 'chdir' ? 'cwd' : 'root';
    const worker = async (): Promise<number | undefined> => workerPids(await daemon.status(), 'mallory')[0];
    const killWorker = async (): Promise<void> => {
      const pid = await worker();
      if (pid !== undefined) execFileSync('setpriv', [...AS_MALLORY, 'kill', '-9', String(pid)]);
    };
    const mend = async (): Promise<void> => {
      const { code, stderr } = await daemon.cli('reload', 'mallory');
      assert.equal(code, 0, stderr);
    };

    await scope.test('it begins in its own', async () => {
      assert.equal(readlinkSync(`/proc/${await worker()}/${place}`), own);
    });

    for (const [what, target] of [
      ['a place in another home', hers],
      ["a directory of root's", closed],
      ['the working directory of pid 1', '/proc/1/cwd'],
    ] as const)
      await scope.test(
        `it becomes a link to ${what}: no worker begins there, and status says why`,
        async () => {
          renameSync(own, `${own}.real`);
          symlinkSync(target, own);
          await killWorker();
          const status = await daemon.statusWhen(
            'the failed start',
            it => poolOf(it, 'mallory').reason?.includes(own) === true,
          );
          assert.match(poolOf(status, 'mallory').reason ?? '', /with the rights of uid 4402.*EACCES/);
          assert.deepEqual(workerPids(status, 'mallory'), []);
          rmSync(own);
          renameSync(`${own}.real`, own);
          await mend();
          assert.equal(readlinkSync(`/proc/${await worker()}/${place}`), own);
        },
      );
  });

suite('root/exchanged-directory: as fast as the kernel can', { root: true, needs: ['gcc'] }, async scope => {
  const [hers, own] = (['alice', 'mallory'] as const).map(name => {
    const home = join(scope.dir, name);
    mkdirSync(join(home, 'app'), { recursive: true });
    const uid = name === 'alice' ? ALICE : MALLORY;
    chownSync(home, uid, uid);
    chmodSync(home, 0o700);
    return join(home, 'app');
  }) as [string, string];
  await scope.test('it is opened as the own directory, or not at all', async () => {
    symlinkSync(hers, `${own}.other`);
    const stop = await exchange(scope, { one: own, other: `${own}.other` }, MALLORY);
    const seen = { own: 0, refused: 0 };
    for (let times = 0; times < 3000; times++) {
      try {
        const directory = openDirectoryFor(own, { uid: MALLORY, gid: MALLORY, groups: [] });
        assert.match(readlinkSync(`/proc/self/fd/${directory}`), /mallory\/app/);
        closeSync(directory);
        seen.own++;
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EACCES');
        seen.refused++;
      }
    }
    await stop();
    assert.ok(seen.own > 0 && seen.refused > 0, JSON.stringify(seen));
  });
});
