/** What the loader acts upon (LD_PRELOAD) reaches the worker, and none of the programs that run as root before it. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

suite('root/preload', { root: true, needs: ['gcc', 'libfcgi'] }, async scope => {
  const [program, library] = await Promise.all([
    compileFixture('hello'),
    compileFixture('preloaded', ['-shared', '-fPIC']),
  ]);
  const log = join(scope.dir, 'loaded.log');
  const secrets = join(scope.dir, 'secrets.env');
  writeFileSync(log, '');
  chmodSync(log, 0o666);
  writeFileSync(secrets, `LD_PRELOAD=${library}\nPRELOAD_LOG=${log}\n`);
  await startDaemon(scope, {
    pools: {
      www: poolText({
        command: [program],
        'listen.address': socketOf(scope, 'www'),
        'pm.max_children': 1,
        env_files: [secrets],
        rlimit_files: 300,
        'process.priority': 3,
      }),
    },
    expectedLog: [/root/],
  });

  await scope.test('only the worker has loaded it, as its own user', () => {
    assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [`${basename(program)} 33`]);
  });
});
