/**
 * A stop that reaches a keeper before it has found what a killed one has left: whatever the moment, the workers that
 * were left are ended, and nothing of fpm-ts stays.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { FIXTURES, MAIN } from '../lib/paths.ts';
import { openInner } from '../lib/place.ts';
import { helloPools } from '../lib/pools.ts';
import { isAlive, kill, readStat } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const PRELOAD = join(FIXTURES, 'node', 'signal-at.mjs');
/** The keeper takes a stop into its own hands when no supervisor has taken it within 5 s. */
const LATE_MS = 6500;

const MOMENTS: readonly (readonly [moment: string, delayMs: number])[] = [
  ['load', 0],
  ['before hello', 0],
  ['before hello', LATE_MS],
  ['before settle', 0],
  ['before settle', LATE_MS],
  ['after settle', 0],
  ['after settle', LATE_MS],
  ['before service', 0],
  ['before service', LATE_MS],
];

suite('integration/stop-before-adoption', { needs: ['gcc', 'libfcgi'], timeoutMs: 240_000 }, async scope => {
  let number = 0;
  for (const [moment, delayMs] of MOMENTS) {
    const late = delayMs === 0 ? '' : `, and the supervisor continues ${delayMs} ms later`;
    await scope.test(`SIGTERM at '${moment}'${late}: no worker is left`, async () => {
      const place = openInner(scope, String(++number));
      const hello = await helloPools(place);
      const daemon = await startDaemon(place, {
        pools: { www: hello('www'), rest: hello('rest') },
        expectedLog: [/./],
      });
      const status = await daemon.status();
      const workers = ['www', 'rest']
        .flatMap(pool => workerPids(status, pool))
        .map(pid => readStat(pid) ?? assert.fail(`no worker ${pid}`));
      place.defer(() => {
        for (const it of workers.filter(isAlive)) kill(it, 'SIGKILL');
      });
      await daemon.crash();
      const env = [`FPM_TS_SIGNAL_AT=${moment}`, `FPM_TS_DELAY_MS=${delayMs}`];
      const program = ['/usr/bin/env', ...env, process.execPath, '--import', PRELOAD, MAIN];
      await assert.rejects(daemon.startAgain({ program }), /the daemon ended \(\{"code":0,"signal":null\}\)/);
      assert.deepEqual(workers.filter(isAlive), []);
      assert.deepEqual(readdirSync(daemon.runDir), []);
    });
  }
});
