/**
 * fpm-ts takes the address of a program that it has not started, under load through nginx, and that program is then
 * stopped for good: no request fails, whichever of the two answers it.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TakeoverResult } from '../../src/commands/takeover.ts';
import { FORMER } from '../lib/former.ts';
import { openMigration, POOL } from '../lib/migration.ts';
import { poolOf } from '../lib/status.ts';
import { storm } from '../lib/storm.ts';
import { suite } from '../lib/suite.ts';

const CLIENTS = 8;

for (const [key, program] of Object.entries(FORMER)) {
  // fcgiwrap's -s takes TCP as well, but nobody has it so.
  for (const transport of key === 'fcgiwrap' ? (['unix'] as const) : (['unix', 'tcp'] as const)) {
    const needs = ['nginx' as const, ...program.needs];
    suite(`chaos/takeover-${key}-${transport}`, { root: true, needs }, async scope => {
      const { daemon, site, former, address } = await openMigration(scope, { program, transport });

      await scope.test(
        `${program.name}, ${transport}: taken over and stopped under load, 0 failed`,
        async () => {
          const { complaints } = await storm(scope, site, {
            clients: CLIENTS,
            disturb: async () => {
              const { code, stdout, stderr } = await daemon.cli(
                'takeover',
                '--pid',
                String(former.pid),
                POOL,
                '--json',
              );
              assert.equal(code, 0, stdout + stderr);
              const result = JSON.parse(stdout) as TakeoverResult;
              assert.equal(result.workers, 4);
              assert.ok(result.drained, stdout);
              assert.ok(
                result.left.some(({ pid }) => pid === former.pid),
                stdout,
              );
              assert.match(result.advice.join('\n'), program.advice);
              await former.end();
              const reloaded = await daemon.cli('reload');
              assert.equal(reloaded.code, 0, reloaded.stderr);
              return [];
            },
            isOver: () => true,
          });
          assert.deepEqual(complaints, []);
          await daemon.statusWhen('the old workers to be gone', it => poolOf(it, POOL).workers.total === 4);
        },
      );

      await scope.test('stopped, the pool leaves nothing at the address', async () => {
        assert.equal((await daemon.cli('stop', POOL)).code, 0);
        assert.deepEqual(transport === 'unix' ? readdirSync(dirname(address)) : [], []);
        await assert.rejects(fetch(site.url).then(({ status }) => assert.equal(status, 200)));
      });
    });
  }
}
