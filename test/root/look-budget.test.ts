/**
 * A pool's user makes his worker as large as he can: looks into it have a budget, so nobody else waits for them, and what
 * is not known of his workers counts for nothing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools, poolText, socketOf } from '../lib/pools.ts';
import { descendants, readStat } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** As many as the issue that this is from has found: 150 children, each with 19,900 descriptors. */
const HUGE = `
import os, resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for _ in range(min(hard, 20000) - 100): os.dup(1)
ready, said = os.pipe()
for _ in range(150):
    if os.fork() == 0:
        os.write(said, b'x')
        while os.getppid() != 1: time.sleep(0.2)
        os._exit(0)
seen = 0
while seen < 150: seen += len(os.read(ready, 150))
listener = socket.socket(fileno=0)
kept = [listener.accept()]
while True: time.sleep(600)
`;

suite('root/look-budget', { root: true, needs: ['gcc', 'libfcgi', 'python3'] }, async scope => {
  const hello = await helloPools(scope);
  const huge = join(scope.dir, 'huge.py');
  writeFileSync(huge, HUGE);
  const daemon = await startDaemon(scope, {
    pools: {
      huge: poolText({
        user: 'nobody',
        command: ['/usr/bin/python3', huge],
        'listen.address': socketOf(scope, 'huge'),
        'pm.max_children': 1,
        process_control_timeout: '1s',
      }),
      other: hello('other'),
    },
    expectedLog: [/"pool":"(huge|other)"/],
  });
  const client = connect(socketOf(scope, 'huge'));
  await once(client, 'connect');
  scope.defer(() => void client.destroy());
  const accepted = await daemon.statusWhen(
    'the huge worker to have its client',
    it => poolOf(it, 'huge').workers.active === 1,
  );
  const [large = 0] = workerPids(accepted, 'huge');

  await scope.test('the attack is in place, and its worker is unknown', async () => {
    assert.equal(descendants(large).length, 150);
    const [worker] = poolOf(await daemon.status(), 'huge').processes;
    assert.deepEqual([worker?.state, worker?.connection_seconds], [null, null]);
  });

  await scope.test('others are served: while status is asked for, a dead worker is replaced', async () => {
    const [victim = 0] = workerPids(await daemon.status(), 'other');
    process.kill(victim, 'SIGKILL');
    const statuses = await Promise.all(Array.from({ length: 40 }, () => daemon.status()));
    assert.equal(statuses.length, 40);
    await daemon.statusWhen('another worker', it => {
      const pids = workerPids(it, 'other');
      return pids.length === 2 && !pids.includes(victim) && poolOf(it, 'other').state === 'running';
    });
    assert.match(await askPool(unixSocket(socketOf(scope, 'other'))), /./);
  });

  await scope.test('a reload of the huge pool does not wait for what cannot be seen', async () => {
    const reload = await daemon.cli('reload', 'huge');
    assert.equal(reload.code, 0, reload.stderr);
    await daemon.statusWhen('the huge worker to have left', it => !workerPids(it, 'huge').includes(large));
    assert.equal(readStat(large)?.state ?? 'gone', 'gone');
  });
});
