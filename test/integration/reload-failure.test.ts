/** A reload that fails: what ran goes on, and exit code, status and log tell why. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { helloPools, type PoolKeys } from '../lib/pools.ts';
import { sampleDuring } from '../lib/sample.ts';
import { type ErrorBody, poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

interface Failure {
  readonly exit: number;
  readonly code: string;
  readonly message: RegExp;
}

const NEEDS = ['gcc', 'libfcgi'] as const;

suite('integration/reload-failure', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { api: hello('api'), www: hello('www') },
    expectedLog: [
      /reload failed|did not come up|did not accept|code 3|code 127|"startTimeout"|ENOEXEC|pool bad/,
    ],
  });
  const write = (pool: string, text: string): void =>
    writeFileSync(join(daemon.poolsDir, `${pool}.toml`), text);
  const pids = (status: Status): number[][] => ['api', 'www'].map(name => workerPids(status, name));

  // `request` reads the files, which are wrong on purpose here: it gets files of its own.
  const stable = join(scope.dir, 'stable');
  mkdirSync(join(stable, 'pools.d'), { recursive: true });
  writeFileSync(join(stable, 'fpm-ts.toml'), `run_dir = "${daemon.runDir}"\n`);
  writeFileSync(join(stable, 'pools.d/www.toml'), hello('www'));
  const request = (): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, '-c', join(stable, 'fpm-ts.toml'), 'request', 'www', '/']);

  /** The reload ends like that, and everything is as it was: the same workers, serving all the time. */
  async function assertFails(args: readonly string[], { exit, code, message }: Failure): Promise<void> {
    const before = await daemon.status();
    const reload = daemon.cli('reload', ...args, '--json');
    const { result, seen } = await sampleDuring(reload, request);
    assert.equal(result.code, exit, result.stdout + result.stderr);
    const { error } = JSON.parse(result.stdout) as ErrorBody;
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.deepEqual(
      seen.filter(answer => answer.code !== 0),
      [],
    );
    const after = await daemon.statusWhen('only the old workers to be left', status =>
      status.pools.every(({ workers }) => workers.total === 2),
    );
    assert.deepEqual(pids(after), pids(before));
    assert.deepEqual([after.last_reload?.ok, after.last_reload?.code], [false, exit]);
    assert.match(after.last_reload?.message ?? '', message);
    assert.equal(after.state, 'running');
    assert.ok(
      daemon.log().some(({ event, message: text }) => event === 'reloadFailed' && message.test(String(text))),
    );
    assert.match((await daemon.cli('status')).stdout, /^the last reload \(.*\) failed: /m);
  }

  /** As above, for a pool file that is written before and put right afterwards. */
  async function assertPoolFails(keys: PoolKeys, failure: Failure): Promise<void> {
    write('www', hello('www', keys));
    await assertFails(['www'], failure);
    write('www', hello('www'));
  }

  await scope.test('a pool file that has become a link to nowhere, or to itself', async () => {
    for (const target of ['nowhere', 'www.toml']) {
      rmSync(join(daemon.poolsDir, 'www.toml'));
      symlinkSync(target, join(daemon.poolsDir, 'www.toml'));
      await assertFails([], { exit: 78, code: 'CONFIG_MISSING', message: /www\.toml is a symbolic link / });
      assert.equal((await daemon.status()).config_changed_on_disk, true);
    }
    rmSync(join(daemon.poolsDir, 'www.toml'));
    write('www', hello('www'));
  });

  await scope.test('a file that is not TOML', async () => {
    write('www', 'command = [\n');
    await assertFails([], { exit: 78, code: 'CONFIG_SYNTAX', message: /www\.toml:/ });
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    write('www', hello('www'));
  });

  await scope.test('an unknown key, and --dry-run finds it as well', async () => {
    write('www', hello('www', { 'pm.max_childs': 2 }));
    const dry = await daemon.cli('reload', '--dry-run');
    assert.equal(dry.code, 78);
    assert.match(dry.stderr, /pm\.max_childs/);
    await assertFails([], { exit: 78, code: 'CONFIG_UNKNOWN_KEY', message: /pm\.max_children/ });
    write('www', hello('www'));
  });

  await scope.test('what the system does not have', async () => {
    await assertPoolFails(
      { command: ['/no/such/program'] },
      { exit: 1, code: 'RELOAD_FAILED', message: /pool www: .*\/no\/such\/program/ },
    );
    await assertPoolFails(
      { 'listen.address': '/no/such/directory/www.sock' },
      { exit: 1, code: 'RELOAD_FAILED', message: /pool www: .*\/no\/such\/directory/ },
    );
  });

  await scope.test('workers that end at once', async () => {
    await assertPoolFails(
      { command: ['/bin/sh', '-c', 'exit 3'] },
      { exit: 1, code: 'RELOAD_FAILED', message: /pool www: .*code 3/ },
    );
  });

  await scope.test('workers that never accept', async () => {
    await assertPoolFails(
      { command: ['/bin/sh', '-c', 'sleep 1000 & wait'], start_timeout: '500ms' },
      { exit: 1, code: 'RELOAD_FAILED', message: /pool www: .*start_timeout \(500 ms\)/ },
    );
  });

  await scope.test('a program that is no program', async () => {
    const file = join(scope.dir, 'text');
    writeFileSync(file, 'not a program\n', { mode: 0o755 });
    await assertPoolFails(
      { command: [file] },
      { exit: 1, code: 'RELOAD_FAILED', message: /pool www: .*is no program/ },
    );
  });

  await scope.test('a new address whose workers do not come up is closed again', async () => {
    const address = join(daemon.runDir, 'new.sock');
    await assertPoolFails(
      { 'listen.address': address, command: ['/bin/sh', '-c', 'exit 3'] },
      { exit: 1, code: 'RELOAD_FAILED', message: /code 3/ },
    );
    assert.equal(existsSync(address), false);
  });

  await scope.test(
    'a new pool that does not come up is taken away again; the others are reloaded',
    async () => {
      const before = await daemon.status();
      const address = join(daemon.runDir, 'bad.sock');
      write('bad', hello('bad', { command: ['/bin/sh', '-c', 'exit 3'] }));
      const { code, stderr } = await daemon.cli('reload');
      assert.equal(code, 1);
      assert.match(stderr, /pool bad: .*code 3/);
      const after = await daemon.statusWhen('the old ones to be gone', status =>
        status.pools.every(({ workers }) => workers.total === 2),
      );
      assert.deepEqual(
        after.pools.map(({ name, state }) => [name, state]),
        [
          ['api', 'running'],
          ['www', 'running'],
        ],
      );
      assert.equal(existsSync(address), false);
      for (const name of ['api', 'www']) {
        assert.equal(poolOf(after, name).counters.reloads, poolOf(before, name).counters.reloads + 1);
      }
      rmSync(join(daemon.poolsDir, 'bad.toml'));
    },
  );

  await scope.test('what failed is still to be done: a reload of what changed does it', async () => {
    write('www', hello('www', { command: ['/bin/sh', '-c', 'exit 3'] }));
    assert.equal((await daemon.cli('reload', '--changed')).code, 1);
    const plan = await daemon.cli('reload', '--changed', '--dry-run');
    assert.match(plan.stdout, /^pool api stays as it is\npool www gets new workers\n {2}command changed/m);
    write('www', hello('www', { umask: '0077' }));
    assert.equal((await daemon.cli('reload', '--changed')).code, 0);
    assert.deepEqual((await daemon.status()).last_reload?.ok, true);
    assert.doesNotMatch((await daemon.cli('status')).stdout, /failed/);
  });

  await scope.test('by signal, the log and the status tell', async () => {
    const before = await daemon.status();
    assert.equal(before.last_reload?.ok, true);
    write('www', 'nonsense');
    process.kill(daemon.pid, 'SIGHUP');
    const after = await daemon.statusWhen(
      'the reload to fail',
      ({ last_reload }) => last_reload?.ok === false,
    );
    assert.equal(after.last_reload?.code, 78);
    assert.deepEqual(pids(after), pids(before));
    write('www', hello('www'));
    process.kill(daemon.pid, 'SIGUSR2');
    await daemon.statusWhen('the reload', ({ last_reload }) => last_reload?.ok === true);
  });
});
