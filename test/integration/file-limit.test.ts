/** Too few file descriptors: said with the limit and the remedy, whether fpm-ts cannot start or a worker cannot. */
import assert from 'node:assert/strict';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Arguments of sh(1): runs what follows with so many descriptors. */
const limited = (files: number): string[] => ['-c', `ulimit -n ${files} && exec "$@"`, 'sh'];

suite('integration/file-limit of the start', {}, async scope => {
  for (const files of [24, 34, 64]) {
    await scope.test(`${files}: one line says what is missing`, async () => {
      const args = [...limited(files), process.execPath, MAIN, '-c', 'no.toml', 'start'];
      const { code, stdout, stderr } = await runCommand('sh', args, { cwd: scope.dir });
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        new RegExp(`^fpm-ts: this process may have only ${files} files open.*LimitNOFILE=.*\n$`),
      );
    });
  }
});

suite('integration/file-limit of workers', {}, async scope => {
  const daemon = await startDaemon(scope, {
    program: ['sh', ...limited(128), process.execPath, MAIN],
    pools: {
      www: poolText({
        command: ['/usr/bin/perl', '-e', 'accept(my $$c, STDIN); sleep 600'],
        'listen.address': socketOf(scope, 'www'),
        'pm.max_children': 60,
        rlimit_files: undefined,
      }),
    },
    ready: ({ pools }) =>
      pools.every(({ state, reason }) => state === 'degraded' && /files open/.test(reason)),
    expectedLog: [/spawnFailed|backingOff|poolFailed/],
  });

  await scope.test('the pool says why it has not all of them; those that there are go on', async () => {
    const { reason, workers } = poolOf(await daemon.status(), 'www');
    assert.match(reason, /EMFILE.*may have 128 files open.*ulimit -Hn.*fewer workers/);
    assert.ok(workers.total > 20, `${workers.total}`);
  });

  await scope.test('it can be stopped', async () => {
    assert.equal((await daemon.cli('stop')).code, 0);
  });
});
