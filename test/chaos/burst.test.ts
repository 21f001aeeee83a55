/** Many requests at once: as many workers, at once, and every request is answered. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { burst } from '../lib/http-load.ts';
import { until } from '../lib/poll.ts';
import type { PoolKeys } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { openField, PROGRAMS, STORM_POOL, type StormProgram } from '../lib/storm-pools.ts';
import { type Scope, suite } from '../lib/suite.ts';

interface Case {
  readonly name: string;
  readonly requests: number;
  readonly keys: PoolKeys;
}

const DYNAMIC = { 'pm.mode': 'dynamic', 'pm.start_servers': 2, 'pm.min_spare_servers': 2 };

const CASES: readonly Case[] = [
  {
    name: 'dynamic',
    requests: 64,
    keys: { ...DYNAMIC, 'pm.max_spare_servers': 4, 'pm.max_children': 64 },
  },
  { name: 'ondemand', requests: 64, keys: { 'pm.mode': 'ondemand', 'pm.max_children': 64 } },
  { name: 'ondemand-few', requests: 5, keys: { 'pm.mode': 'ondemand', 'pm.max_children': 6 } },
];

/** Its workers answer nothing before the gate is open: so all of them can be seen busy, however long that takes. */
function gated(scope: Scope): { readonly program: StormProgram; readonly open: () => void } {
  const file = join(scope.dir, 'open');
  const { command } = PROGRAMS.plain;
  return {
    program: { ...PROGRAMS.plain, command: async (...its) => [...(await command(...its)), `--gate=${file}`] },
    open: () => writeFileSync(file, ''),
  };
}

for (const { name, requests, keys } of CASES) {
  suite(`chaos/burst-${name}`, { needs: PROGRAMS.plain.needs }, async scope => {
    const { program, open } = gated(scope);
    // Where all that are allowed are needed, there is nothing to spare.
    const expectedLog = [/maxChildrenReached/];
    const { daemon, site } = await openField(scope, {
      program,
      transport: 'unix',
      keys,
      daemon: { expectedLog },
    });
    scope.defer(open); // nobody may wait at the gate when the daemon is stopped
    await scope.test(`${requests} requests at once: so many workers, each with one of them`, async () => {
      const answers = burst(site.url, requests, 0);
      await until(() => site.journal.read().begun.size === requests, {
        what: `${requests} requests in hand`,
        deadlineMs: 20_000,
        explain: () => `in hand: ${site.journal.read().begun.size}`,
      });
      const { workers } = poolOf(await daemon.status(), STORM_POOL);
      open();
      assert.deepEqual((await answers).failures, []);
      assert.equal(site.journal.workers(), requests);
      assert.ok(workers.total >= requests, `${workers.total} workers`);
      assert.deepEqual(site.errors(), []);
    });
  });
}
