/** The run directory is removed and the supervisor killed: its successor must neither end the workers nor give up. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/run-dir-gone', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'listen.address': join(scope.dir, 'www.sock') }) },
    expectedLog: [/supervisor/],
  });

  await scope.test('the next supervisor makes it anew and has the same workers', async () => {
    const before = await daemon.status();
    rmSync(daemon.runDir, { recursive: true });
    process.kill(before.supervisor_pid, 'SIGKILL');
    const after = await daemon.statusWhen(
      'another supervisor',
      status => status.supervisor_pid !== before.supervisor_pid,
    );
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
  });
});
