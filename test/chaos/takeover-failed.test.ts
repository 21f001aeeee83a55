/** A takeover that does not come about, under load: the other program serves as before, and nothing of ours is left. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { FORMER } from '../lib/former.ts';
import { openMigration, POOL } from '../lib/migration.ts';
import { readStat } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { storm } from '../lib/storm.ts';
import { suite } from '../lib/suite.ts';

const CLIENTS = 8;
const program = FORMER.spawnFcgi;
/** Their workers are not ready before a test has had its moment. */
const SLOW = ['/bin/sh', '-c', 'sleep 3; exec /usr/bin/php-cgi'];

for (const transport of ['unix', 'tcp'] as const) {
  const needs = ['nginx' as const, ...program.needs];
  suite(`chaos/takeover-failed-${transport}`, { root: true, needs }, async scope => {
    const { daemon, site, former, address, writePool } = await openMigration(scope, {
      program,
      transport,
      daemon: {
        expectedLog: [/did not come up/, /"event":"exited"/, /supervisor/, /its takeover was under way/],
      },
    });
    const takeOver = () => daemon.cli('takeover', '--pid', String(former.pid), POOL);
    const before = transport === 'unix' ? statSync(address).ino : 0;

    await scope.test(`${transport}: workers that do not come up, 0 failed`, async () => {
      writePool({ command: ['/bin/false'] });
      const { complaints } = await storm(scope, site, {
        clients: CLIENTS,
        disturb: async () => {
          const { code, stderr } = await takeOver();
          assert.equal(code, 1, stderr);
          assert.match(
            stderr,
            /the new workers did not come up, pid \d+ \(php-cgi\) serves as before: .*code 1/,
          );
          return [];
        },
        isOver: () => true,
      });
      assert.deepEqual(complaints, []);
      assert.deepEqual((await daemon.status()).pools, []);
      if (transport === 'unix') {
        assert.equal(statSync(address).ino, before);
        assert.deepEqual(readdirSync(dirname(address)), ['www.sock']);
      }
    });

    await scope.test(
      `${transport}: the supervisor killed in the middle of it, 0 failed; then it succeeds`,
      async () => {
        writePool({ command: SLOW });
        const { complaints } = await storm(scope, site, {
          clients: CLIENTS,
          disturb: async () => {
            const underWay = takeOver();
            const { supervisor_pid: pid } = await daemon.statusWhen(
              'workers to start',
              ({ pools }) => pools[0]?.workers.starting === 4,
            );
            const workers = poolOf(await daemon.status(), POOL).processes;
            process.kill(pid, 'SIGKILL');
            assert.notEqual((await underWay).code, 0);
            await daemon.statusWhen('the pool to be stopped', it => it.pools[0]?.state === 'stopped');
            for (const worker of workers) assert.ok(['Z', undefined].includes(readStat(worker.pid)?.state));
            if (transport === 'unix') assert.deepEqual(readdirSync(dirname(address)), ['www.sock']);
            writePool();
            const again = await takeOver();
            assert.equal(again.code, 0, again.stderr);
            return [];
          },
          isOver: () => true,
        });
        assert.deepEqual(complaints, []);
      },
    );

    await scope.test(`${transport}: the supervisor killed when ours is public, 0 failed`, async () => {
      const { supervisor_pid: pid } = await daemon.status();
      const { complaints } = await storm(scope, site, {
        clients: CLIENTS,
        disturb: async () => {
          process.kill(pid, 'SIGKILL');
          await daemon.statusWhen('the next supervisor', it => it.supervisor_pid !== pid);
          return [];
        },
        isOver: () => true,
      });
      assert.deepEqual(complaints, []);
      await former.end();
      assert.equal(await (await fetch(`${site.url}/?n=1`)).text().then(text => text.split(' ')[1]), '1\n');
    });
  });
}
