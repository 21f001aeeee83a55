/** The packaged unit under a real systemd: start, reload, crash, watchdog, restart, stop, and a socket unit. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startLoad } from '../lib/load.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { systemdObstacle } from '../lib/systemd.ts';
import { innerPid, installService, UNIT } from '../lib/systemd-service.ts';

const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);

const SOCKET = 'fpm-ts-www.socket';
const NEEDS = ['gcc', 'libfcgi', 'python3', 'systemd'] as const;
/** With what docs/systemd.md says for those who know where their sites write. */
const MORE = ['WatchdogSec=2s', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'ReadWritePaths=/tmp'].join(
  '\n',
);
const WHY = systemdObstacle();

suite('root/systemd', {
  root: true,
  needs: NEEDS,
  obstacle: WHY,
}, async scope => {
  const hello = await helloPools(scope);
  const www = join(scope.dir, 'pools.d/www.toml');
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(join(scope.dir, 'fpm-ts.toml'), 'log.format = "json"\n');
  writeFileSync(www, hello('www', { 'listen.address': '/run/fpm-ts/www.sock', clear_env: false }));
  const service = await installService(scope);
  const { systemd } = service;
  const socket = unixSocket(systemd.path('/run/fpm-ts/www.sock'));
  const mainPid = async (): Promise<number> => Number(await systemd.show(UNIT, 'MainPID'));
  /** As the pids of its namespace; ours are others. */
  const outside = (pid: number): number =>
    systemd.processes(UNIT).find(it => innerPid(it) === pid) ?? assert.fail(`no process ${pid}`);

  await scope.test(
    'start returns when every pool is ready, and systemctl status says how it is',
    async () => {
      await systemd.systemctl('start', UNIT);
      assert.equal(await systemd.show(UNIT, 'ActiveState'), 'active');
      assert.equal(await systemd.show(UNIT, 'StatusText'), 'running; 1 pool, 2 workers');
      assert.equal(await mainPid(), (await service.status()).pid);
      assert.ok(isHello(await askPool(socket)));
    },
  );

  await scope.test('nothing that fpm-ts needs is taken away by the hardening', async () => {
    const { pools } = await service.status();
    assert.deepEqual(
      pools.map(({ queue, workers }) => [queue.length, workers.idle, workers.active]),
      [[0, 2, 0]],
    );
    assert.doesNotMatch(service.log(), /"level":[45]0/);
  });

  await scope.test('fpm-ts logs shows the file that the unit has as its standard error', async () => {
    const { code, stdout, stderr } = await service.cli('logs', 'www');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /INFO {2}www .*pool www is running, 2 workers$/m);
  });

  await scope.test('no worker has the variables of the service manager', async () => {
    for (const pid of workerPids(await service.status(), 'www'))
      assert.doesNotMatch(
        readFileSync(`/proc/${outside(pid)}/environ`, 'latin1'),
        /NOTIFY_SOCKET|WATCHDOG_|LISTEN_/,
      );
  });

  await scope.test(
    'systemctl reload is fpm-ts reload: it returns when new workers serve; 0 failed',
    async () => {
      const before = workerPids(await service.status(), 'www');
      const load = startLoad(scope, socket, 2, isHello);
      await systemd.systemctl('reload', UNIT);
      await load.more(20);
      assert.deepEqual(await load.end(), []);
      const after = await service.statusWhen('two workers', status => workerPids(status, 'www').length === 2);
      assert.ok(workerPids(after, 'www').every(pid => !before.includes(pid)));
    },
  );

  await scope.test('a reload that fails fails, says why, and the service goes on', async () => {
    const text = readFileSync(www, 'utf8');
    writeFileSync(www, 'comand = 1\n');
    await assert.rejects(systemd.systemctl('reload', UNIT), /failed/);
    writeFileSync(www, text);
    assert.equal(await systemd.show(UNIT, 'ActiveState'), 'active');
    assert.match(await systemd.show(UNIT, 'StatusText'), /the last reload failed: .*comand/);
    assert.match(service.log(), /comand/);
    assert.ok(isHello(await askPool(socket)));
  });

  await scope.test(
    'a crash leaves the workers serving, and the next start goes on with them; 0 failed',
    async () => {
      const before = await service.status();
      const load = startLoad(scope, socket, 2, isHello);
      await load.more(5);
      process.kill(outside(before.pid), 'SIGKILL');
      await load.more(20);
      const after = await service.statusWhen('another keeper', ({ pid }) => pid !== before.pid);
      await load.more(20);
      assert.deepEqual(await load.end(), []);
      assert.deepEqual(new Set(workerPids(after, 'www')), new Set(workerPids(before, 'www')));
      assert.ok(after.pools.every(({ processes }) => processes.every(({ adopted }) => adopted)));
      assert.equal(await systemd.show(UNIT, 'NRestarts'), '1');
    },
  );

  await scope.test('fpm-ts upgrade: the same main process, which goes on being told; 0 failed', async () => {
    const before = await service.status();
    const load = startLoad(scope, socket, 2, isHello);
    const { code, stderr } = await service.cli('upgrade');
    assert.equal(code, 0, stderr);
    await load.more(20);
    assert.deepEqual(await load.end(), []);
    const after = await service.statusWhen(
      'another supervisor',
      status => status.supervisor_pid !== before.supervisor_pid,
    );
    assert.equal(await mainPid(), before.pid);
    assert.deepEqual(new Set(workerPids(after, 'www')), new Set(workerPids(before, 'www')));
    await service.cli('scale', '--force', 'www', '3');
    await until(async () => (await systemd.show(UNIT, 'StatusText')) === 'running; 1 pool, 3 workers', {
      what: 'the status of the new keeper',
    });
  });

  await scope.test('a restart is a stop and a start', async () => {
    const before = await service.status();
    await systemd.systemctl('restart', UNIT);
    const after = await service.status();
    assert.notEqual(after.pid, before.pid);
    assert.ok(workerPids(after, 'www').every(pid => !workerPids(before, 'www').includes(pid)));
    assert.equal(systemd.processes(UNIT).length, 4, 'keeper, supervisor, two workers');
  });

  await scope.test('a stop ends everything, and leaves the run directory empty', async () => {
    await systemd.systemctl('stop', UNIT);
    assert.deepEqual(systemd.processes(UNIT), []);
    assert.deepEqual(readdirSync(systemd.path('/run/fpm-ts')), []);
    assert.equal(await systemd.show(UNIT, 'Result'), 'success');
  });

  await scope.test('a stop right after a crash ends the workers that were left', async () => {
    await systemd.systemctl('start', UNIT);
    process.kill(outside(await mainPid()), 'SIGKILL');
    await until(async () => (await systemd.show(UNIT, 'NRestarts')) === '1', { what: 'the next start' });
    await systemd.systemctl('stop', UNIT);
    // systemd does not wait for the end of what ExecStopPost= has killed.
    await until(() => systemd.processes(UNIT).length === 0, { what: 'everything to be gone' });
  });

  await scope.test('a start that cannot succeed leaves them serving; systemctl kill ends them', async () => {
    await systemd.systemctl('start', UNIT);
    const text = readFileSync(www, 'utf8');
    writeFileSync(www, 'comand = 1\n');
    process.kill(outside(await mainPid()), 'SIGKILL');
    await until(async () => (await systemd.show(UNIT, 'ActiveState')) === 'failed', { what: 'the failure' });
    writeFileSync(www, text);
    assert.ok(isHello(await askPool(socket)));
    await systemd.systemctl('kill', UNIT);
    await until(() => systemd.processes(UNIT).length === 0, { what: 'everything to be gone' });
  });

  await scope.test('a keeper that dies in the stop: what it could not end is killed', async () => {
    writeFileSync(
      www,
      hello('www', {
        command: ['/bin/sh', '-c', 'trap "" TERM; sleep 600; sleep 600'],
        protocol: 'other',
        listen: 'none',
        'listen.address': undefined,
      }),
    );
    await systemd.systemctl('start', UNIT);
    const keeper = outside(await mainPid());
    const stop = systemd.systemctl('stop', UNIT);
    await until(async () => (await systemd.show(UNIT, 'ActiveState')) === 'deactivating', {
      what: 'the stop',
    });
    process.kill(keeper, 'SIGKILL');
    await stop;
    await until(() => systemd.processes(UNIT).length === 0, { what: 'everything to be gone' });
  });
});

suite('root/systemd watchdog', { root: true, needs: NEEDS, obstacle: WHY }, async scope => {
  const hello = await helloPools(scope);
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(join(scope.dir, 'fpm-ts.toml'), 'log.format = "json"\n');
  writeFileSync(
    join(scope.dir, 'pools.d/www.toml'),
    hello('www', { 'listen.address': '/run/fpm-ts/www.sock' }),
  );
  const { systemd, statusWhen } = await installService(scope, MORE);
  await systemd.systemctl('start', UNIT);

  await scope.test('a keeper that hangs is replaced, and its workers are gone on with', async () => {
    const before = await statusWhen('all of it', () => true);
    const keeper = systemd.processes(UNIT).find(pid => innerPid(pid) === before.pid);
    assert.ok(keeper !== undefined);
    process.kill(keeper, 'SIGSTOP');
    const after = await statusWhen('another keeper', ({ pid }) => pid !== before.pid);
    assert.deepEqual(new Set(workerPids(after, 'www')), new Set(workerPids(before, 'www')));
    await systemd.systemctl('stop', UNIT);
    assert.deepEqual(systemd.processes(UNIT), []);
  });
});

suite('root/systemd socket', { root: true, needs: NEEDS, obstacle: WHY }, async scope => {
  const hello = await helloPools(scope);
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(join(scope.dir, 'fpm-ts.toml'), 'log.format = "json"\n');
  writeFileSync(
    join(scope.dir, 'pools.d/www.toml'),
    hello('www', { 'listen.address': 'systemd:www', 'pm.max_children': 4, stop_is_graceful: false }),
  );
  const { systemd, statusWhen } = await installService(scope);
  await systemd.unit(SOCKET, readFileSync(join(REPOSITORY, 'packaging/systemd', SOCKET), 'utf8'));
  await systemd.systemctl('start', SOCKET);
  const path = systemd.path('/run/fpm-ts-www.sock');
  const file = lstatSync(path).ino;

  await scope.test('the first who connects starts the service, and is answered', async () => {
    assert.equal(await systemd.show(UNIT, 'ActiveState'), 'inactive');
    assert.ok(isHello(await askPool(unixSocket(path), { timeoutMs: 20_000 })));
    const status = await statusWhen('all of it', () => true);
    assert.equal(status.pools[0]?.listen.address, 'systemd:www');
  });

  await scope.test(
    'after a crash it is served by the same workers, for the next keeper too; 0 failed',
    async () => {
      const before = await statusWhen('all of it', () => true);
      const load = startLoad(scope, unixSocket(path), 1, isHello);
      await systemd.run('kill', '-9', String(before.pid));
      const after = await statusWhen('another keeper', ({ pid }) => pid !== before.pid);
      assert.deepEqual(new Set(workerPids(after, 'www')), new Set(workerPids(before, 'www')));
      await systemd.systemctl('reload', UNIT);
      await load.more(20);
      assert.deepEqual(await load.end(), []);
    },
  );

  // The program loses what it has in hand on a signal, and the socket is not ours to replace: it needs idle moments.
  await scope.test('while the service is restarted, who connects waits; 0 failed', async () => {
    const load = startLoad(scope, unixSocket(path), 1, isHello, 5);
    await load.more(5);
    await systemd.systemctl('restart', UNIT);
    await load.more(20);
    assert.deepEqual(await load.end(), []);
    assert.equal(lstatSync(path).ino, file);
  });
});
