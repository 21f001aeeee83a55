/** Commands on a pool that is stopped: none says that it has done what it could not do. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools } from '../lib/pools.ts';
import { type ErrorBody, poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/stopped-pools', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other') },
    expectedLog: [],
  });
  assert.equal((await daemon.cli('stop', 'www')).code, 0);

  const CALLS: Readonly<Record<string, readonly string[]>> = {
    reload: ['reload', 'www'],
    'reload --changed': ['reload', '--changed', 'www'],
    scale: ['scale', 'www', '2'],
  };
  for (const [what, args] of Object.entries(CALLS)) {
    await scope.test(`${what}: fails, says that the pool is stopped and what to do`, async () => {
      const { code, stdout, stderr } = await daemon.cli(...args);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /pool www is stopped.*`fpm-ts start www` starts/);
      const json = await daemon.cli(...args, '--json');
      assert.deepEqual([json.code, json.stderr], [1, '']);
      const { error } = JSON.parse(json.stdout) as ErrorBody;
      assert.equal(error.code, 'POOL_STOPPED');
      assert.match(error.message, /pool www is stopped/);
      const { state, workers } = poolOf(await daemon.status(), 'www');
      assert.deepEqual([state, workers.total], ['stopped', 0]);
    });
  }

  await scope.test('that is no reload that failed', async () => {
    const { last_reload: last } = await daemon.status();
    assert.notEqual(last?.ok, false);
    assert.deepEqual(
      daemon.log().filter(({ event }) => event === 'reloadFailed'),
      [],
    );
  });

  await scope.test('two pools named, one of them stopped: the other is reloaded, and it fails', async () => {
    const { code, stderr } = await daemon.cli('reload', 'other', 'www');
    assert.equal(code, 1);
    assert.match(stderr, /pool www is stopped/);
    assert.equal(poolOf(await daemon.status(), 'other').counters.reloads, 1);
  });

  await scope.test(
    'a reload of all works, and says of the stopped pool what becomes of its settings',
    async () => {
      writeFileSync(join(daemon.poolsDir, 'www.toml'), hello('www', { 'pm.max_children': 3 }));
      const { code, stdout, stderr } = await daemon.cli('reload');
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^pool www is stopped: it takes its settings when it is started$/m);
      assert.match(stdout, /^pool other gets new workers$/m);
      const { pools } = JSON.parse((await daemon.cli('reload', '--json')).stdout) as {
        readonly pools: readonly { readonly pool: string; readonly action: string }[];
      };
      assert.deepEqual(
        pools.map(({ pool, action }) => [pool, action]),
        [
          ['other', 'roll'],
          ['www', 'stopped'],
        ],
      );
      assert.equal(poolOf(await daemon.status(), 'www').state, 'stopped');
    },
  );

  await scope.test('the start uses the new settings', async () => {
    const { code, stderr } = await daemon.cli('start', 'www');
    assert.equal(code, 0, stderr);
    const { state, workers } = poolOf(await daemon.status(), 'www');
    assert.deepEqual([state, workers.total], ['running', 3]);
    assert.equal((await daemon.status()).config_changed_on_disk, false);
    assert.equal((await daemon.cli('scale', 'www', '2')).code, 0);
  });
});
