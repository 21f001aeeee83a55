/** The supervisor may die at any time: nobody who sends requests notices, and nothing is forgotten. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { startLoad } from '../lib/load.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool, socketOf } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { isAlive, openDescriptors, readStat, type Seen } from '../lib/processes.ts';
import { hasSuccessor, poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);
const EXPECTED = [/supervisor \d+ ended \(SIGKILL\)/, /supervisor restarted/, /perhaps out of memory/];

/** Ends the supervisor as the kernel would when memory runs out, and waits for the next one. */
async function killSupervisor(daemon: Daemon): Promise<Status> {
  const { supervisor_pid: victim } = await daemon.status();
  process.kill(victim, 'SIGKILL');
  return daemon.statusWhen(
    'another supervisor, which knows its pools',
    status => hasSuccessor(status, victim) && status.pools.every(pool => pool.state === 'running'),
  );
}

/** What must be the same after a death. */
function memory(status: Status): unknown {
  return status.pools.map(({ name, counters, processes }) => ({
    name,
    counters,
    workers: processes.map(({ pid, generation }) => ({ pid, generation })),
  }));
}

suite('integration/supervisor-death', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const port = await freePort();
  const tcp = { type: 'tcp', host: '127.0.0.1', port } as const;
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), tcp: hello('tcp', { 'listen.address': `127.0.0.1:${port}` }) },
    expectedLog: EXPECTED,
  });
  assert.equal((await daemon.cli('reload')).code, 0);
  const before = await daemon.statusWhen('the old generation to be gone', status =>
    status.pools.every(pool => pool.processes.length === 2),
  );

  await scope.test('killed ten times under load: the same workers, no failed request', async () => {
    const loads = [unixSocket(socketOf(scope, 'www')), tcp].map(it => startLoad(scope, it, 2, isHello));
    const supervisors = new Set([before.supervisor_pid]);
    for (let death = 0; death < 10; death++) {
      const after = await killSupervisor(daemon);
      supervisors.add(after.supervisor_pid);
      for (const load of loads) await load.more(20);
      assert.deepEqual(memory(after), memory(before));
    }
    for (const load of loads) assert.deepEqual(await load.end(), []);
    assert.equal(supervisors.size, 11);
  });

  await scope.test('the keeper has kept no descriptor of those that died', async () => {
    const held = openDescriptors(daemon.pid);
    for (let death = 0; death < 2; death++) await killSupervisor(daemon);
    await until(() => openDescriptors(daemon.pid) === held, {
      what: `${held} open descriptors`,
      explain: () => `${openDescriptors(daemon.pid)} are open`,
    });
  });

  await scope.test(
    'a worker that dies while there is no supervisor is replaced, counted and logged',
    async () => {
      const { supervisor_pid: supervisor } = await daemon.status();
      const [victim = 0] = workerPids(before, 'www');
      process.kill(supervisor, 'SIGKILL');
      process.kill(victim, 'SIGKILL');
      const after = await daemon.statusWhen(
        'a whole pool without the worker that died',
        status => poolOf(status, 'www').state === 'running' && !workerPids(status, 'www').includes(victim),
      );
      const { crashed, exited } = poolOf(before, 'www').counters;
      assert.deepEqual(
        [poolOf(after, 'www').counters.crashed, poolOf(after, 'www').counters.exited],
        [crashed + 1, exited + 1],
      );
      assert.ok(daemon.log().some(({ event, pid }) => event === 'exited' && pid === victim));
    },
  );

  await scope.test('a reload works afterwards', async () => {
    const old = workerPids(await daemon.status(), 'www');
    assert.equal((await daemon.cli('reload')).code, 0);
    const after = await daemon.statusWhen(
      'new workers',
      status => poolOf(status, 'www').processes.length === 2,
    );
    assert.ok(workerPids(after, 'www').every(pid => !old.includes(pid)));
    assert.deepEqual(
      poolOf(after, 'www').processes.map(({ generation }) => generation),
      [3, 3],
    );
  });

  await scope.test('a pool that was scaled and one that was stopped are what they were', async () => {
    assert.equal((await daemon.cli('scale', '--force', 'www', '3')).code, 0);
    assert.equal((await daemon.cli('stop', 'tcp')).code, 0);
    await daemon.statusWhen('three workers', status => workerPids(status, 'www').length === 3);
    const { supervisor_pid: victim } = await daemon.status();
    process.kill(victim, 'SIGKILL');
    const after = await daemon.statusWhen('another', it => hasSuccessor(it, victim));
    assert.equal(poolOf(after, 'tcp').state, 'stopped');
    assert.equal(workerPids(after, 'www').length, 3);
    assert.equal((await daemon.cli('start', 'tcp')).code, 0);
    assert.ok(isHello(await askPool(tcp)));
  });

  await scope.test('a stop works afterwards', () => daemon.stop());
});

suite('integration/supervisor-death-reload', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    expectedLog: [...EXPECTED, /"pool":"(slow|www)"/, /"event":"reloadFailed"/],
  });
  const wwwFile = join(daemon.poolsDir, 'www.toml');
  const path = socketOf(scope, 'www');
  const newPath = join(scope.dir, 'run', 'elsewhere.sock');
  const before = await daemon.status();

  /**
   * Kills the supervisor while a reload waits for `count` workers of a pool, and gives what there is afterwards.
   * @param isFar what else the reload has done by then: pools are rolled side by side
   */
  async function killDuringReload(
    pool: string,
    count: number,
    isFar: (status: Status) => boolean = () => true,
  ): Promise<{ status: Status; abandoned: Seen[] }> {
    const { supervisor_pid: victim } = await daemon.status();
    const reload = daemon.cli('reload');
    const startingOf = ({ pools }: Status): number[] =>
      pools
        .filter(({ name }) => name === pool)
        .flatMap(({ processes }) => processes.filter(({ state }) => state === 'starting'))
        .map(({ pid }) => pid);
    const during = await daemon.statusWhen(
      'workers that do not get ready',
      it => startingOf(it).length === count && isFar(it),
    );
    const starting = startingOf(during).flatMap(pid => readStat(pid) ?? []);
    process.kill(victim, 'SIGKILL');
    assert.notEqual((await reload).code, 0);
    const status = await daemon.statusWhen('another', it => hasSuccessor(it, victim));
    return { status, abandoned: starting };
  }

  await scope.test(
    'the new generation is sent away, the old one serves, its address is what it was',
    async () => {
      const load = startLoad(scope, unixSocket(path), 2, isHello);
      const never = ['/bin/sh', '-c', 'exec sleep 600'];
      writeFileSync(wwwFile, hello('www', { command: never, 'listen.address': newPath }));
      const { abandoned } = await killDuringReload('www', 2);
      await until(() => !abandoned.some(isAlive), { what: 'the new workers to be gone' });
      const after = await daemon.statusWhen('the pool', status => poolOf(status, 'www').state === 'running');
      assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
      assert.equal(poolOf(after, 'www').listen.address, path);
      await load.more(20);
      assert.deepEqual(await load.end(), []);
    },
  );

  await scope.test('an interrupted reload is told, in the log and in status', async () => {
    const { last_reload: last } = await daemon.status();
    assert.deepEqual([last?.ok, last?.code], [false, 1]);
    assert.match(last?.message ?? '', /^the supervisor died while it reloaded www: .*`fpm-ts reload`/);
    assert.equal(daemon.log().filter(({ event }) => event === 'reloadFailed').length, 1);
  });

  await scope.test('the address that it had opened already is closed again', async () => {
    await assert.rejects(askPool(unixSocket(newPath), { timeoutMs: 2000 }), /ENOENT/);
  });

  await scope.test('what a reload had finished stays finished', async () => {
    const never = ['/bin/sh', '-c', 'exec sleep 600'];
    const moved = join(scope.dir, 'run', 'moved.sock');
    writeFileSync(wwwFile, hello('www'));
    writeFileSync(join(daemon.poolsDir, 'first.toml'), hello('first'));
    assert.equal((await daemon.cli('reload')).code, 0);
    writeFileSync(join(daemon.poolsDir, 'first.toml'), hello('first', { 'listen.address': moved }));
    writeFileSync(wwwFile, hello('www', { command: never }));
    const isMoved = (it: Status): boolean => poolOf(it, 'first').listen.address === moved;
    const { status } = await killDuringReload('www', 2, isMoved);
    assert.equal(poolOf(status, 'first').listen.address, moved);
    assert.equal(poolOf(status, 'www').listen.address, path);
    const [victim = 0] = workerPids(status, 'first');
    process.kill(victim, 'SIGTERM');
    await daemon.statusWhen('a worker in its place', ({ pools }) =>
      pools.every(({ name, processes, state }) => {
        const isWhole = state === 'running' && processes.length === 2;
        return isWhole && (name !== 'first' || processes.every(({ pid }) => pid !== victim));
      }),
    );
    for (const address of [moved, path]) assert.ok(isHello(await askPool(unixSocket(address))));
  });

  await scope.test('a pool that was just being added is not left behind', async () => {
    writeFileSync(wwwFile, hello('www'));
    const added = scriptPool('exec sleep 600', { listen: socketOf(scope, 'slow'), protocol: 'fastcgi' });
    writeFileSync(join(daemon.poolsDir, 'slow.toml'), added);
    const { status, abandoned } = await killDuringReload('slow', 1);
    await until(() => !abandoned.some(isAlive), { what: 'the worker of the new pool to be gone' });
    assert.deepEqual(status.pools.map(({ name }) => name).sort(), ['first', 'www']);
    await until(
      () =>
        askPool(unixSocket(socketOf(scope, 'slow')), { timeoutMs: 2000 }).then(
          () => false,
          error => /ENOENT/.test(String(error)),
        ),
      { what: 'its socket to be gone' },
    );
  });

  await scope.test('the next reload goes through', async () => {
    writeFileSync(join(daemon.poolsDir, 'slow.toml'), hello('slow'));
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
    assert.ok(isHello(await askPool(unixSocket(path))));
    assert.ok(isHello(await askPool(unixSocket(socketOf(scope, 'slow')))));
  });
});
