/** A pool of which only some workers can start: those serve, the others are tried ever more seldom, and it is said. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { scriptPool } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const WORKERS = 5;
const SLOTS = 2;

/** A worker that finds no slot free ends at once, as one does that finds no licence, port or memory. */
function slots(scope: Scope): string {
  const dir = join(scope.dir, 'slots');
  mkdirSync(dir);
  chmodSync(dir, 0o777);
  const names = Array.from({ length: SLOTS }, (_, i) => i + 1).join(' ');
  const script = `for i in ${names}; do exec 9>${dir}/$i; flock -n 9 && exec sleep 1000; done; echo no slot is free; exit 1`;
  return scriptPool(script, { 'pm.max_children': WORKERS });
}

suite('integration/partial', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: { www: slots(scope) },
    ready: ({ pools }) => pools.every(({ state }) => state === 'degraded'),
    expectedLog: [/"pool":"www"/],
  });
  const attempts = (): number[] =>
    daemon.log().flatMap(record => (record.event === 'backingOff' ? [Number(record.attempts)] : []));

  await scope.test('degraded, with the reason; whoever has a slot serves', async () => {
    const { reason, workers } = poolOf(
      await daemon.statusWhen('two ready workers', status =>
        poolOf(status, 'www').reason.startsWith(`${SLOTS} of ${WORKERS} workers are ready`),
      ),
      'www',
    );
    assert.match(reason, /ended with code 1 \d+ ms after its start; its output is in the log/);
    assert.ok(workers.total >= SLOTS);
  });

  await scope.test('each try takes longer to come, and starts only what is missing', async () => {
    const status = await daemon.statusWhen('six tries', () => Math.max(...attempts()) >= 6);
    const tries = attempts();
    const { counters, state } = poolOf(status, 'www');
    assert.equal(state, 'degraded');
    assert.deepEqual(
      tries,
      tries.map((_, i) => i + 2),
      'no success in between makes it forget',
    );
    const most = WORKERS + (WORKERS - SLOTS) * Math.max(...tries);
    assert.ok(counters.spawned <= most, `${counters.spawned} were started, ${most} is the most`);
  });

  await scope.test('start --daemonize says so and fails', async () => {
    assert.equal((await daemon.cli('stop')).code, 0);
    const { code, stdout, stderr } = await daemon.cli('start', '--daemonize');
    scope.defer(async () => void (await daemon.cli('stop')));
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^fpm-ts: pool www failed: worker \d+ ended with code 1 /);
  });
});
