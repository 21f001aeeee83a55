/** `fpm-ts spawn` is more than spawn-fcgi: what it spawned is kept alive, can be asked, reloaded and ended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { inspectPool } from '../lib/inspect.ts';
import { openJournal } from '../lib/journal.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { descendants, kill, readStat } from '../lib/processes.ts';
import { configOf, directoriesFor, endSpawned, openFiles, runSpawn, untilGone } from '../lib/spawn.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/spawn', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await compileFixture('hello');
  const inspect = await compileFixture('inspect');
  const env = { ...cleanEnvironment(), XDG_RUNTIME_DIR: scope.dir };
  const cli = (config: string, ...args: string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, '-c', config, ...args]);
  const statusOf = async (config: string): Promise<Status> =>
    JSON.parse((await cli(config, '--json', 'status')).stdout) as Status;
  const pidsOf = (status: Status): number[] => poolOf(status, 'app').processes.map(({ pid }) => pid);
  const isWhole = (status: Status, size: number): boolean =>
    poolOf(status, 'app').processes.filter(({ state }) => state === 'idle').length === size;

  await scope.test(
    'a worker that is killed is replaced; status, reload and stop work with the configuration in the title',
    async () => {
      const dir = directoriesFor(scope, 'alive')['fpm-ts'];
      const address = unixSocket(join(dir, 'app.sock'));
      const spawned = await runSpawn(
        scope,
        'fpm-ts',
        dir,
        ['-s', 'app.sock', '-P', 'app.pid', '-F', '3', '--', hello],
        { env },
      );
      assert.deepEqual([spawned.code, spawned.stderr], [0, '']);
      const [keeper = 0] = spawned.pids;
      assert.equal(spawned.stdout, `spawn-fcgi: child spawned successfully: PID: ${keeper}\n`);
      assert.equal(readFileSync(join(dir, 'app.pid'), 'utf8').trim(), String(keeper));
      const config = configOf(keeper);
      const before = pidsOf(await statusOf(config));
      assert.equal(before.length, 3);
      process.kill(before[0] ?? 0, 'SIGKILL');
      const after = await until(
        async () => {
          const status = await statusOf(config);
          return isWhole(status, 3) && !pidsOf(status).includes(before[0] ?? 0) && status;
        },
        { what: 'another worker' },
      );
      assert.deepEqual(pidsOf(after).filter(pid => before.includes(pid)).length, 2);

      const reload = await cli(config, 'reload');
      assert.equal(reload.code, 0, reload.stderr);
      await until(
        async () => {
          const reloaded = pidsOf(await statusOf(config));
          return reloaded.length === 3 && reloaded.every(pid => !pidsOf(after).includes(pid));
        },
        { what: 'the old workers to be gone' },
      );
      assert.match(await askPool(address), /^hello from \d+\n$/);

      const other = join(dir, 'other.toml');
      writeFileSync(other, `run_dir = "${dir}/none"\n`);
      const lost = await cli(other, 'status');
      assert.equal(lost.code, 69);
      assert.ok(lost.stderr.includes(`${keeper} (-c ${config})`), lost.stderr);

      const stopped = await cli(config, 'stop');
      assert.equal(stopped.code, 0, stopped.stderr);
      for (const path of [join(dir, 'app.sock'), join(dir, 'app.pid'), dirname(config)])
        assert.equal(existsSync(path), false, path);
    },
  );

  await scope.test('SIGTERM to the pid of the file ends all of it and leaves nothing', async () => {
    const dir = directoriesFor(scope, 'term')['fpm-ts'];
    const spawned = await runSpawn(
      scope,
      'fpm-ts',
      dir,
      ['-s', 'app.sock', '-P', 'app.pid', '-F', '2', '--', hello],
      { env },
    );
    const [keeper = 0] = spawned.pids;
    const runDir = dirname(configOf(keeper));
    const all = [readStat(keeper), ...descendants(keeper)].filter(it => it !== undefined);
    assert.ok(all.length >= 4, String(all.length));
    process.kill(Number(readFileSync(join(dir, 'app.pid'), 'utf8')), 'SIGTERM');
    await untilGone(all);
    for (const path of [join(dir, 'app.sock'), join(dir, 'app.pid'), runDir])
      assert.equal(existsSync(path), false, path);
    // As root it is the directory of all, and others may be there.
    const parent = dirname(runDir);
    assert.ok(!existsSync(parent) || readdirSync(parent).length > 0, `${parent} is empty`);
  });

  await scope.test(
    'a restart does not wait for the end: the second one does, while a request is in hand',
    async () => {
      const dir = directoriesFor(scope, 'restart')['fpm-ts'];
      const address = unixSocket(join(dir, 'app.sock'));
      const journal = openJournal(openInner(scope, 'journal'));
      const gate = join(dir, 'gate');
      const program = await compileFixture('storm', ['-pthread']);
      const command = [program, `--journal=${journal.dir}`, `--gate=${gate}`];
      const args = ['-s', 'app.sock', '-P', 'app.pid', '--', ...command];
      const first = await runSpawn(scope, 'fpm-ts', dir, args, { env });
      scope.defer(() => writeFileSync(gate, ''));
      const [keeper = 0] = first.pids;
      const config = configOf(keeper);
      const answer = askPool(address, { query: 'n=1', timeoutMs: 60_000 });
      await until(() => journal.read().begun.size === 1, { what: 'the request in hand' });
      process.kill(keeper, 'SIGTERM');
      await until(async () => (await statusOf(config)).state === 'stopping', { what: 'the stop' });
      rmSync(join(dir, 'app.pid')); // as init scripts do

      const restarted = spawn(process.execPath, [MAIN, 'spawn', ...args], { cwd: dir, env });
      const exited = once(restarted, 'exit');
      let [out, err] = ['', ''];
      restarted.stdout.on('data', chunk => (out += chunk));
      restarted.stderr.on('data', chunk => (err += chunk));
      await until(() => err !== '', { what: 'a word of the second one' });
      assert.equal(
        err,
        `spawn-fcgi: pid ${keeper} had this address and is stopping: waiting until it has ended\n`,
      );
      writeFileSync(gate, '');
      assert.match(await answer, /^\d+ .*1\n$/);
      assert.deepEqual([(await exited)[0], out], [0, out]);
      const pid = Number(readFileSync(join(dir, 'app.pid'), 'utf8'));
      const seen = [readStat(pid), ...descendants(pid)].filter(it => it !== undefined);
      assert.equal(out, `spawn-fcgi: child spawned successfully: PID: ${pid}\n`);
      assert.match(await askPool(address, { query: 'n=2' }), / 2\n$/);
      process.kill(pid, 'SIGTERM');
      await untilGone(seen);
    },
  );

  await scope.test('after a kill -9 the same command line goes on with the same workers', async () => {
    const dir = directoriesFor(scope, 'killed')['fpm-ts'];
    const args = ['-s', 'app.sock', '-F', '2', '--', hello];
    const first = await runSpawn(scope, 'fpm-ts', dir, args, { env });
    const [keeper = 0] = first.pids;
    const config = configOf(keeper);
    const before = pidsOf(await statusOf(config));
    const supervisor = (await statusOf(config)).supervisor_pid;
    const seen = [keeper, supervisor].map(readStat).filter(it => it !== undefined);
    process.kill(keeper, 'SIGKILL');
    await untilGone(seen);
    const second = await runSpawn(scope, 'fpm-ts', dir, args, { env });
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(pidsOf(await statusOf(config)), before);
    await endSpawned(second);
  });

  await scope.test(
    '-n: stays in the foreground, writes no pid file, and SIGTERM ends it with 0',
    async () => {
      const dir = directoriesFor(scope, 'foreground')['fpm-ts'];
      const args = [MAIN, 'spawn', '-n', '-s', 'app.sock', '-P', 'app.pid', '-F', '2', '--', hello];
      const child = spawn(process.execPath, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const exited = once(child, 'exit');
      const { pid = 0 } = child;
      const watch = watchProcesses();
      scope.defer(async () => {
        const stat = readStat(pid);
        if (stat !== undefined) kill(stat, 'SIGTERM');
        await exited;
        await assertNothingLeft(watch, dir);
      });
      const config = await until(
        () => (/\(.*\)/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ? configOf(pid) : undefined),
        { what: 'the title of the keeper' },
      );
      await until(async () => (await cli(config, 'status', '--check')).code === 0, { what: 'both workers' });
      watch.look([pid]);
      assert.equal((await statusOf(config)).pid, pid);
      assert.equal(existsSync(join(dir, 'app.pid')), false);
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
      assert.equal(existsSync(dirname(config)), false);
    },
  );

  await scope.test(
    'what is ours and not theirs: --json, and variables that are not for workers',
    async () => {
      const dir = directoriesFor(scope, 'own')['fpm-ts'];
      const given = {
        ...env,
        NODE_OPTIONS: '--no-warnings',
        LISTEN_FDS: '1',
        NOTIFY_SOCKET: '/nowhere',
        APP: '1',
      };
      const result = await runCommand(
        process.execPath,
        [MAIN, '--json', 'spawn', '-s', 'app.sock', '--', inspect],
        { cwd: dir, env: given },
      );
      assert.equal(result.code, 0, result.stderr);
      const { pid, config } = JSON.parse(result.stdout) as { pid: number; config: string };
      scope.defer(async () => {
        const seen = [readStat(pid)].filter(it => it !== undefined);
        for (const it of seen) kill(it, 'SIGTERM');
        await untilGone(seen);
      });
      assert.equal(config, configOf(pid));
      const seen = await inspectPool(unixSocket(join(dir, 'app.sock')));
      assert.ok(seen.environment.includes('APP=1'));
      assert.deepEqual(
        seen.environment.filter(it => /^(NODE_OPTIONS|LISTEN_|NOTIFY_)/.test(it)),
        [],
      );
      assert.deepEqual(openFiles(seen.pid).slice(0, 3), ['0 -> socket:', '1 -> pipe:', '2 -> pipe:']);

      const wrong = await runCommand(process.execPath, [MAIN, '--json', 'spawn', '-s', 'other.sock'], {
        cwd: dir,
        env,
      });
      const { error } = JSON.parse(wrong.stdout) as { error: { message: string } };
      assert.deepEqual([wrong.code, error.message], [255, 'no FastCGI application given']);
    },
  );
});

suite('integration/spawn-multiwatch', { needs: ['gcc', 'libfcgi', 'multiwatch'] }, async scope => {
  await scope.test('a command line with multiwatch works as it is', async () => {
    const hello = await compileFixture('hello');
    const dir = directoriesFor(scope, 'watched')['fpm-ts'];
    const env = { ...cleanEnvironment(), XDG_RUNTIME_DIR: scope.dir };
    const args = ['-s', 'app.sock', '--', '/usr/bin/multiwatch', '-f', '3', '--', hello];
    const spawned = await runSpawn(scope, 'fpm-ts', dir, args, { env });
    assert.equal(spawned.code, 0, spawned.stderr);
    const address = unixSocket(join(dir, 'app.sock'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => askPool(address)));
    for (const answer of answers) assert.match(answer, /^hello from \d+\n$/);
    const [keeper = 0] = spawned.pids;
    const children = descendants(keeper).filter(({ name }) => name.startsWith('hello'));
    assert.equal(children.length, 3);
  });
});
