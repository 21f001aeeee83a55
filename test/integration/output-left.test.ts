/** Processes that leave their worker's session keep its output open: how many descriptors of the keeper that may cost. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';

const WORKERS = 140;
/** LEFT_PIPES_MAX, and some that come and go. */
const MOST_MORE = 256 + 10;

suite('integration/output-left', { needs: ['setsid'] }, async scope => {
  const pids = join(scope.dir, 'pids');
  writeFileSync(pids, '');
  chmodSync(pids, 0o666);
  const left = (): number[] => readFileSync(pids, 'utf8').split('\n').filter(Boolean).map(Number);
  const script = `setsid sh -c 'echo $$ >> ${pids}; exec sleep 1000' & exec sleep 1000`;
  const daemon = await startDaemon(scope, {
    pools: {
      leaves: scriptPool(script, { 'pm.max_children': WORKERS }),
      other: scriptPool('echo "other $$"; exec sleep 1000'),
    },
    expectedLog: [/processes that its workers left behind hold more than 256 output pipes open/],
  });
  scope.defer(() => {
    for (const pid of left()) process.kill(pid, 'SIGKILL');
  });
  await until(() => left().length === WORKERS, { what: 'what the workers leave behind' });
  const before = openDescriptors(daemon.pid);

  await scope.test(
    'the oldest pipes of a pool are closed above a bound; other pools are read on',
    async () => {
      assert.equal((await daemon.cli('reload', 'leaves')).code, 0);
      await until(() => left().length === 2 * WORKERS, { what: 'what the next workers leave behind' });
      await until(() => daemon.log().some(({ msg }) => msg?.includes('left behind hold more than')), {
        what: 'the warning',
      });
      const now = openDescriptors(daemon.pid);
      assert.ok(now <= before + MOST_MORE, `${before} descriptors before, ${now} now`);
      assert.equal((await daemon.cli('reload', 'other')).code, 0);
      await until(() => daemon.log().filter(({ msg }) => /^other \d+$/.test(msg ?? '')).length === 2, {
        what: "the other pool's output",
      });
    },
  );
});
