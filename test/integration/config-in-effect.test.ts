/**
 * What runs and what the files say. Settings that only a restart applies are in effect from a restart on, and until
 * then both are shown; once all that the files say is in effect, nothing is said of a change.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, type PoolKeys } from '../lib/pools.ts';
import { removeRunDir } from '../lib/run-directory.ts';
import { hasSuccessor, type PendingSetting, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** What commands say; a failure is one of the test. */
async function words(daemon: Daemon, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** The keys that only a restart applies, each with another value than `startDaemon` writes. */
function others(dir: string): Readonly<Record<string, string>> {
  return {
    pid_file: join(dir, 'other.pid'),
    'control.socket': join(dir, 'other.sock'),
    'control.group': 'games',
    'log.file': join(dir, 'other.log'),
    'log.format': 'pretty',
  };
}

function textOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}

/** Both are shown, in all places, and nothing of the new ones is in effect. */
async function assertBoth(daemon: Daemon, before: Readonly<Record<string, string>>): Promise<void> {
  const after = others(daemon.dir);
  const expected = Object.keys(after).map(key => ({ key, running: before[key], wanted: after[key] }));
  const byKey = (a: PendingSetting, b: PendingSetting): number => (a.key < b.key ? -1 : 1);
  assert.deepEqual([...(await daemon.status()).needs_restart].sort(byKey), [...expected].sort(byKey));
  const table = await words(daemon, 'status');
  const toml = await words(daemon, 'config');
  const { running } = JSON.parse(await words(daemon, 'config', '--json')) as { running: object };
  assert.deepEqual(running, Object.fromEntries(expected.map(({ key, running: value }) => [key, value])));
  for (const { key, running: now, wanted } of expected) {
    const [said, next] = [JSON.stringify(now), JSON.stringify(wanted)];
    assert.ok(table.includes(`${key} is ${said} and the files say ${next}: only a restart`), table);
    assert.ok(toml.includes(`${key} = ${next}\n# running: ${key} = ${said} until a restart\n`), toml);
  }
  for (const key of ['pid_file', 'control.socket', 'log.file'])
    assert.equal(existsSync(after[key] ?? ''), false, `${key} is in effect`);
}

suite('integration/config-in-effect', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'listen.address': join(scope.dir, 'www.sock') }) },
    expectedLog: [/supervisor/, /is there again/, /keeper/],
  });
  const logFile = join(scope.dir, 'fpm-ts.log');
  const before: Readonly<Record<string, string>> = {
    pid_file: join(daemon.runDir, 'fpm-ts.pid'),
    'control.socket': daemon.controlSocket,
    'control.group': '',
    'log.file': logFile,
    'log.format': 'json',
  };
  const original = readFileSync(daemon.configFile, 'utf8');

  await scope.test('without a difference nothing is said of one', async () => {
    assert.doesNotMatch(await words(daemon, 'config'), /running:/);
    assert.equal('running' in (JSON.parse(await words(daemon, 'config', '--json')) as object), false);
    assert.deepEqual((await daemon.status()).needs_restart, []);
  });

  await scope.test(
    'a reload says each time what only a restart applies, and applies none of it',
    async () => {
      writeFileSync(daemon.configFile, textOf({ run_dir: daemon.runDir, ...others(daemon.dir) }));
      for (const args of [['reload'], ['reload', '--changed'], ['reload', 'www']]) {
        const said = await words(daemon, ...args);
        for (const key of Object.keys(others(daemon.dir)))
          assert.ok(said.includes(`${key} changed: only a restart of fpm-ts applies it`), said);
      }
      await assertBoth(daemon, before);
    },
  );

  await scope.test("the supervisor's death applies none of it", async () => {
    const { supervisor_pid: supervisor } = await daemon.status();
    process.kill(supervisor, 'SIGKILL');
    await daemon.statusWhen('another supervisor', status => hasSuccessor(status, supervisor));
    await assertBoth(daemon, before);
    assert.match(await words(daemon, 'reload'), /log\.file changed: only a restart/);
  });

  await scope.test('an upgrade applies none of it', async () => {
    const { supervisor_pid: supervisor } = await daemon.status();
    await words(daemon, 'upgrade');
    await daemon.statusWhen('another supervisor', status => hasSuccessor(status, supervisor));
    await assertBoth(daemon, before);
  });

  await scope.test('reopen-logs opens the log that is in use', async () => {
    const moved = join(scope.dir, 'moved.log');
    renameSync(logFile, moved);
    await words(daemon, 'reopen-logs');
    await until(() => /"event":"logsReopened"/.test(readFileSync(logFile, 'utf8')), {
      what: 'a record in the log in use',
    });
    renameSync(moved, logFile);
    await words(daemon, 'reopen-logs');
    await assertBoth(daemon, before);
  });

  await scope.test('the run directory that was removed is restored with the names in use', async () => {
    removeRunDir(daemon);
    await daemon.statusWhen('the control socket to be there again', () => true);
    assert.equal(readFileSync(before.pid_file ?? '', 'utf8'), `${daemon.pid}\n`);
    await assertBoth(daemon, before);
  });

  await scope.test('files that say what runs are all in effect again', async () => {
    writeFileSync(daemon.configFile, original);
    await words(daemon, 'reload');
    assert.deepEqual((await daemon.status()).needs_restart, []);
    assert.doesNotMatch(await words(daemon, 'config'), /running:/);
  });

  await scope.test('a keeper that was killed and is started again applies all of it', async () => {
    const { 'control.socket': _, ...rest } = others(daemon.dir); // by which this test finds it
    writeFileSync(daemon.configFile, textOf({ run_dir: daemon.runDir, ...rest }));
    await words(daemon, 'reload');
    const isSettled = (it: Status): boolean => it.pools.every(({ workers: { total } }) => total === 2);
    const workers = workerPids(await daemon.statusWhen('only new workers', isSettled), 'www');
    await daemon.crash();
    await daemon.startAgain();
    const status = await daemon.statusWhen('the files to be in effect', it => it.last_reload?.ok === true);
    assert.deepEqual(status.needs_restart, []);
    assert.deepEqual(workerPids(status, 'www'), workers);
    assert.doesNotMatch(await words(daemon, 'config'), /running:/);
    assert.equal(readFileSync(rest.pid_file ?? '', 'utf8'), `${daemon.pid}\n`);
    await until(() => readFileSync(rest['log.file'] ?? '', 'utf8').includes('www'), {
      what: 'a record in the other log',
    });
  });

  await scope.test('no supervisor answers: nothing is said of one', async () => {
    await daemon.stop();
    assert.doesNotMatch(await words(daemon, 'config'), /running:/);
  });
});

suite('integration/config-changed', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { a: hello('a'), b: hello('b') },
    expectedLog: [/reload failed/, /"pool":"a"/],
  });
  const write = (pool: string, keys: PoolKeys): void =>
    writeFileSync(join(daemon.poolsDir, `${pool}.toml`), hello(pool, keys));
  const assertSaid = async (what: RegExp | null): Promise<void> => {
    const table = await words(daemon, 'status');
    if (what === null) assert.doesNotMatch(table, /has changed|last reload/);
    else assert.match(table, what);
  };

  await scope.test('a reload of the only pool that changed: nothing has changed any more', async () => {
    write('a', { 'pm.max_children': 1 });
    await assertSaid(/the configuration on disk has changed/);
    await words(daemon, 'reload', 'a');
    assert.equal((await daemon.status()).config_changed_on_disk, false);
    await assertSaid(null);
  });

  await scope.test('a reload of one of two pools that changed: the other has', async () => {
    for (const pool of ['a', 'b']) write(pool, { 'pm.max_children': 2, stop_signal: 'SIGINT' });
    await words(daemon, 'reload', 'a');
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    await assertSaid(/the configuration on disk has changed/);
    await words(daemon, 'reload', 'b');
    assert.equal((await daemon.status()).config_changed_on_disk, false);
    await assertSaid(null);
  });

  await scope.test('a reload of all failed for one: a reload of that one mends it', async () => {
    for (const pool of ['a', 'b']) write(pool, {});
    write('a', { command: ['/bin/false'] });
    assert.equal((await daemon.cli('reload')).code, 1);
    await assertSaid(/the last reload .* failed: pool a/);
    write('a', {});
    await words(daemon, 'reload', 'a');
    const { last_reload: last, config_changed_on_disk: isChanged } = await daemon.status();
    assert.deepEqual([last?.ok, last?.message, isChanged], [true, '', false]);
    await assertSaid(null);
  });
});

suite('integration/config-taken-over', {
  needs: ['gcc', 'libfcgi', 'spawn-fcgi'],
  root: true,
}, async scope => {
  const program = await compileFixture('hello');
  const hello = await helloPools(scope);
  const path = join(scope.dir, 'taken.sock');
  const pidFile = join(scope.dir, 'former.pid');
  const taken = hello('taken', { 'listen.address': path });
  const daemon = await startDaemon(scope, { pools: { www: hello('www') }, expectedLog: [/reload failed/] });
  const started = await runCommand('spawn-fcgi', [
    '-s',
    path,
    '-P',
    pidFile,
    '-u',
    'www-data',
    '--',
    program,
  ]);
  assert.equal(started.code, 0, started.stderr);
  const former = Number(readFileSync(pidFile, 'utf8'));
  scope.defer(() => void process.kill(former, 'SIGKILL'));

  await scope.test('its file is new, and a reload fails on the address', async () => {
    writeFileSync(join(daemon.poolsDir, 'taken.toml'), taken);
    assert.notEqual((await daemon.cli('reload')).code, 0);
    const { last_reload: last, config_changed_on_disk: isChanged } = await daemon.status();
    assert.deepEqual([last?.ok, isChanged], [false, true]);
  });

  await scope.test(
    'a takeover puts the only file that changed into effect: nothing is left to say',
    async () => {
      await words(daemon, 'takeover', '--pid', String(former), 'taken');
      const { last_reload: last, config_changed_on_disk: isChanged } = await daemon.status();
      assert.deepEqual([last?.ok, last?.message, isChanged], [true, '', false]);
      assert.doesNotMatch(await words(daemon, 'status'), /has changed|last reload/);
    },
  );
});

suite('integration/config-run-dir', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www', { 'listen.address': join(scope.dir, 'www.sock') }) },
    expectedLog: [/supervisor/],
  });
  const other = join(scope.dir, 'elsewhere');
  const text = readFileSync(daemon.configFile, 'utf8');
  writeFileSync(daemon.configFile, text.replace(/^run_dir = .*$/m, `run_dir = ${JSON.stringify(other)}`));

  await scope.test('another run directory: commands find the one that runs, also after a death', async () => {
    for (const key of ['run_dir', 'pid_file', 'control.socket'])
      assert.match(await words(daemon, 'reload'), new RegExp(`^${key} changed: only a restart`, 'm'));
    assert.ok((await words(daemon, 'config')).includes(`# running: run_dir = "${daemon.runDir}"`));
    const { supervisor_pid: supervisor } = await daemon.status();
    process.kill(supervisor, 'SIGKILL');
    const { pid } = JSON.parse(await words(daemon, 'status', '--json')) as Status;
    assert.equal(pid, daemon.pid);
    assert.equal(existsSync(other), false);
  });

  await scope.test('the stop reaches it, and leaves nothing there', async () => {
    await words(daemon, 'stop');
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    assert.equal(existsSync(daemon.controlSocket), false);
  });
});
