/**
 * A pool's user reloads a pool whose program never accepts, again and again: nobody else waits for it, with a reload, a
 * takeover or an upgrade.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { type CurlAnswer, curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { connectionsTo } from '../lib/unix-connections.ts';

/** Workers of the generation before may be leaving, too. */
const isReloading = (status: Status): boolean =>
  status.state === 'reloading' && poolOf(status, 'own').workers.total > 2;

const TENANT = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];

/** Listens, and accepts nobody. */
const FORMER = `
use IO::Socket::UNIX;
my $listener = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 8) or die $!;
$| = 1; print "listens\n"; sleep`;

suite('root/reload-tenant', { root: true, needs: ['gcc', 'libfcgi', 'curl', 'setpriv'] }, async scope => {
  const gate = join(scope.dir, 'gate');
  const wait = `while [ -e '${gate}' ]; do sleep 0.05; done; exec '${await compileFixture('hello')}'`;
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      own: hello('own', { command: ['/bin/sh', '-c', wait], start_timeout: '1h' }),
      rival: hello('rival', { user: 'daemon' }),
    },
    expectedLog: [/cancelled this reload/],
  });
  const reloads = async (pool: string): Promise<number> =>
    poolOf(await daemon.status(), pool).counters.reloads;
  /** As many spellings of the same as connections are his. */
  const reloadAsTenant = (times: number): Promise<CurlAnswer>[] =>
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
    writeFileSync(gate, '');
    const spellings = Promise.allSettled(reloadAsTenant(8));
    await until(() => connectionsTo(daemon.controlSocket) >= 8, { what: 'the tenant to be connected' });
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
    const body = JSON.stringify({ pools: ['own'] });
    const left = curl(daemon.controlSocket, '/v1/reload', ['--max-time', '1', '--data', body], {
      as: TENANT,
    });
    await assert.rejects(left, /timed out/i);
    await until(() => connectionsTo(daemon.controlSocket) === 1, { what: 'his connection to be closed' });
    rmSync(gate);
    assert.equal((await first).code, 0);
    assert.equal((await daemon.cli('reload', 'own', '--changed')).code, 0);
    assert.equal(await reloads('own'), before + 1);
  });

  await scope.test(
    'root takes over the address of another program, and upgrades, at the same time',
    async () => {
      const before = workerPids(await daemon.status(), 'own');
      writeFileSync(gate, '');
      const [reload] = reloadAsTenant(1);
      await daemon.statusWhen('his reload', isReloading);

      const address = join(scope.dir, 'taken.sock');
      const former = spawn('perl', ['-e', FORMER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
      scope.defer(() => void former.kill());
      await once(former.stdout, 'data');
      writeFileSync(join(daemon.poolsDir, 'taken.toml'), hello('taken', { 'listen.address': address }));
      const taken = await daemon.cli('takeover', '--pid', String(former.pid), 'taken');
      assert.equal(taken.code, 0, taken.stderr);
      assert.ok(isReloading(await daemon.status()), 'his reload goes on');
      const ended = once(former, 'exit');
      former.kill();
      await ended;

      const upgraded = await daemon.cli('upgrade');
      assert.equal(upgraded.code, 0, upgraded.stderr);
      const { status, body } = (await reload) ?? assert.fail();
      assert.match(
        body,
        /pool own: an upgrade of fpm-ts cancelled this reload: `fpm-ts reload own` starts it again/,
      );
      assert.equal(status, 500);
      const after = await daemon.statusWhen('his new workers to be sent away', it => !isReloading(it));
      assert.deepEqual(workerPids(after, 'own'), before);
      assert.equal(after.last_reload?.code, 1);
      rmSync(gate);
      assert.equal((await reloadAsTenant(1)[0])?.status, 200);
    },
  );
});
