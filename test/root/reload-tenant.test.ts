/** A pool's user reloads a pool whose program never accepts, again and again: nobody else waits for it. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Workers of the generation before may be leaving, too. */
const isReloading = (status: Status): boolean =>
  status.state === 'reloading' && poolOf(status, 'own').workers.total > 2;

const TENANT = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];

suite('root/reload-tenant', { root: true, needs: ['gcc', 'libfcgi', 'curl', 'setpriv'] }, async scope => {
  const gate = join(scope.dir, 'gate');
  const wait = `while [ -e '${gate}' ]; do sleep 0.05; done; exec '${await compileFixture('hello')}'`;
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      own: hello('own', { command: ['/bin/sh', '-c', wait], start_timeout: '1h' }),
      rival: hello('rival', { user: 'daemon' }),
    },
  });
  const { supervisor_pid: supervisor } = await daemon.status();
  const reloads = async (pool: string): Promise<number> =>
    poolOf(await daemon.status(), pool).counters.reloads;
  /** As many spellings of the same as connections are his. */
  const reloadAsTenant = (times: number): Promise<unknown>[] =>
    Array.from({ length: times }, (_, i) =>
      curl(
        daemon.controlSocket,
        '/v1/reload',
        ['--data', JSON.stringify({ pools: Array(i + 1).fill('own') })],
        {
          as: TENANT,
        },
      ),
    );

  await scope.test('root reloads another pool, and all pools, at the same time', async () => {
    const ordinary = openDescriptors(supervisor);
    writeFileSync(gate, '');
    const spellings = Promise.allSettled(reloadAsTenant(8));
    await until(() => openDescriptors(supervisor) >= ordinary + 8, { what: 'the tenant to be connected' });
    await daemon.statusWhen('his reload', isReloading);
    const named = await daemon.cli('reload', 'rival');
    assert.equal(named.code, 0, named.stderr);
    const all = daemon.cli('reload');
    await daemon.statusWhen('the rest of a reload of all', it => poolOf(it, 'rival').counters.reloads === 2);
    rmSync(gate);
    const { code, stderr } = await all;
    assert.equal(code, 0, stderr);
    await spellings;
    assert.ok((await reloads('own')) <= 3, `${await reloads('own')} reloads of nine that were asked for`);
  });

  await scope.test('a tenant who has left makes nobody reload his pool', async () => {
    const before = await reloads('own');
    writeFileSync(gate, '');
    const first = daemon.cli('reload', 'own');
    await daemon.statusWhen('the first one', isReloading);
    const ordinary = openDescriptors(supervisor);
    const body = JSON.stringify({ pools: ['own'] });
    const left = curl(daemon.controlSocket, '/v1/reload', ['--max-time', '1', '--data', body], {
      as: TENANT,
    });
    await assert.rejects(left, /timed out/i);
    await until(() => openDescriptors(supervisor) <= ordinary, { what: 'his connection to be closed' });
    rmSync(gate);
    assert.equal((await first).code, 0);
    assert.equal((await daemon.cli('reload', 'own', '--changed')).code, 0);
    assert.equal(await reloads('own'), before + 1);
  });
});
