/**
 * A pool whose program, directory, address or env file is not as its settings need it fails alone: the others start and
 * are reloaded, everything says why, and it is tried again when somebody asks.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { poolText, scriptPool } from '../lib/pools.ts';
import { readStat } from '../lib/processes.ts';
import { hasSuccessor, poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const stateOf = (status: Status, pool: string): string => poolOf(status, pool).state;

suite('integration/pool-obstacle', {}, async scope => {
  const home = join(scope.dir, 'home');
  mkdirSync(home);
  const program = join(home, 'app');
  const envFile = join(home, '.env');
  const mend = (): void => {
    writeFileSync(program, '#!/bin/sh\nexec sleep 1000\n');
    chmodSync(program, 0o755);
    writeFileSync(envFile, 'MODE=own\n');
  };
  const spoil = (): void => writeFileSync(envFile, 'MODE=own\nwhat is this\n');
  mend();
  spoil();
  const tenant = poolText({
    command: [program],
    protocol: 'other',
    listen: 'none',
    env_files: [envFile],
    'pm.max_children': 1,
  });
  const daemon: Daemon = await startDaemon(scope, {
    pools: { good: scriptPool('exec sleep 1000'), tenant },
    ready: status => stateOf(status, 'good') === 'running',
    expectedLog: [/poolFailed|reloadFailed|supervisor \d+ ended|restored/],
  });
  const REASON = /\.env:2:1: env_files: not a KEY=VALUE line/;

  await scope.test('the start: the others run, and status and the log say why', async () => {
    const status = await daemon.status();
    assert.deepEqual([status.state, stateOf(status, 'tenant')], ['running', 'failed']);
    assert.match(poolOf(status, 'tenant').reason, REASON);
    assert.doesNotMatch(poolOf(status, 'tenant').reason, /what is this/);
    assert.ok(
      daemon.log().some(({ event, reason }) => event === 'poolFailed' && REASON.test(String(reason))),
    );
    assert.equal(workerPids(status, 'tenant').length, 0);
  });

  await scope.test('a reload of another, and of all: the others are reloaded', async () => {
    assert.equal((await daemon.cli('reload', 'good')).code, 0);
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 1);
    assert.match(stderr, /^fpm-ts: pool tenant: .*\.env:2:1/);
    assert.equal(poolOf(await daemon.status(), 'good').counters.reloads, 2);
  });

  await scope.test('--dry-run plans for the others, names it, and exits with 1', async () => {
    const { code, stdout } = await daemon.cli('reload', '--dry-run');
    assert.equal(code, 1);
    assert.match(stdout, /^pool good gets new workers$/m);
    assert.match(stdout, /^pool tenant cannot be reloaded: .*\n {2}.*\.env:2:1/m);
  });

  await scope.test('start and scale of it fail, with the reason', async () => {
    const started = await daemon.cli('start', 'tenant');
    assert.equal(started.code, 1);
    assert.match(started.stderr, REASON);
    const scaled = await daemon.cli('scale', 'tenant', '1');
    assert.equal(scaled.code, 1);
    assert.match(scaled.stderr, /pool tenant has failed: /);
  });

  await scope.test(
    'the next supervisor does not try it either: a part of its settings may be missing',
    async () => {
      const { supervisor_pid: victim } = await daemon.status();
      const seen = readStat(victim ?? 0);
      assert.ok(seen !== undefined);
      process.kill(seen.pid, 'SIGKILL');
      const after = await daemon.statusWhen('a successor', now => hasSuccessor(now, victim ?? 0));
      assert.equal(stateOf(after, 'tenant'), 'failed');
      assert.match(poolOf(after, 'tenant').reason, REASON);
    },
  );

  await scope.test('mended, `start` starts it with what the files say now', async () => {
    mend();
    const { code, stderr } = await daemon.cli('start', 'tenant');
    assert.equal(code, 0, stderr);
    const status = await daemon.status();
    assert.deepEqual([stateOf(status, 'tenant'), workerPids(status, 'tenant').length], ['running', 1]);
  });

  for (const [what, break_, again] of [
    ['its env file is garbage', spoil, mend],
    ['its program is closed', () => chmodSync(program, 0o600), mend],
    ['its home is renamed', () => renameSync(home, `${home}.new`), () => renameSync(`${home}.new`, home)],
  ] as const)
    await scope.test(`${what}: a reload leaves its workers, and reloads the others`, async () => {
      const before = await daemon.status();
      break_();
      const { code, stderr } = await daemon.cli('reload');
      assert.equal(code, 1);
      assert.match(stderr, /^fpm-ts: pool tenant: /);
      const after = await daemon.statusWhen(
        'the other to be reloaded',
        now => workerPids(now, 'good').length === 1,
      );
      assert.deepEqual(workerPids(after, 'tenant'), workerPids(before, 'tenant'));
      assert.notDeepEqual(workerPids(after, 'good'), workerPids(before, 'good'));
      assert.equal(stateOf(after, 'tenant'), 'running');
      again();
      assert.equal((await daemon.cli('reload', '--changed')).code, 0);
    });

  await scope.test('a mistake in the files themselves is everybody’s, as ever', async () => {
    const file = join(daemon.poolsDir, 'good.toml');
    writeFileSync(file, 'nonsense = 1\n');
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 78, stderr);
    writeFileSync(file, scriptPool('exec sleep 1000'));
  });
});

suite('integration/pool-obstacle of start --daemonize', {}, async scope => {
  const { dir } = scope;
  mkdirSync(join(dir, 'pools.d'));
  const config = join(dir, 'fpm-ts.toml');
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.file = "${dir}/log"\n`);
  const fpmTs = (...args: string[]) => runCommand(process.execPath, [MAIN, '-c', config, ...args]);
  const bad = scriptPool('exec sleep 1000', { chdir: join(dir, 'none') });
  writeFileSync(join(dir, 'pools.d/bad.toml'), bad);
  scope.defer(async () => void (await fpmTs('stop', '--now')));

  await scope.test('no pool at all can be started: nothing runs, and check says the same', async () => {
    const start = await fpmTs('start', '--daemonize');
    assert.equal(start.code, 78);
    assert.match(start.stderr, /bad.toml:\d+:1: chdir: .*none does not exist/);
    assert.equal((await fpmTs('status')).code, 69);
    assert.equal((await fpmTs('check')).code, 78);
  });

  await scope.test('one of two: it runs, exits with 1, and says which and why', async () => {
    writeFileSync(join(dir, 'pools.d/good.toml'), scriptPool('exec sleep 1000'));
    const start = await fpmTs('start', '--daemonize');
    assert.equal(start.code, 1);
    assert.match(start.stderr, /pool bad failed: .*chdir: .*none does not exist/);
    assert.match(start.stderr, /fpm-ts itself is running/);
    const { stdout } = await fpmTs('status');
    assert.match(stdout, /^good +running/m);
    assert.match(stdout, /^bad +failed/m);
  });

  await scope.test('mended, a reload of what changed brings it up', async () => {
    mkdirSync(join(dir, 'none'));
    const { code, stderr } = await fpmTs('reload', '--changed');
    assert.equal(code, 0, stderr);
    assert.match((await fpmTs('status')).stdout, /^bad +running/m);
  });

  await scope.test('it can be removed while it has failed', async () => {
    rmSync(join(dir, 'none'), { recursive: true });
    writeFileSync(join(dir, 'pools.d/worse.toml'), bad);
    assert.equal((await fpmTs('reload', '--changed')).code, 1);
    rmSync(join(dir, 'pools.d/worse.toml'));
    rmSync(join(dir, 'pools.d/bad.toml'));
    assert.equal((await fpmTs('reload', '--changed')).code, 0);
    assert.doesNotMatch((await fpmTs('status')).stdout, /bad|worse/);
  });
});
