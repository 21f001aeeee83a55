/** `start --daemonize`, the pid file, and what happens to whoever starts a second time. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { readLog } from '../lib/log.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import { readStat } from '../lib/processes.ts';
import type { ErrorBody } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

interface Place {
  readonly cli: (...args: string[]) => Promise<CommandResult>;
  readonly pidFile: string;
  readonly log: string;
}

/** A configuration in the suite's directory; whatever was started with it is stopped at the end. */
function place(scope: Scope, pools: Readonly<Record<string, string>>, logFile?: string): Place {
  const { dir } = scope;
  mkdirSync(join(dir, 'pools.d'));
  for (const [name, text] of Object.entries(pools)) writeFileSync(join(dir, 'pools.d', `${name}.toml`), text);
  const config = join(dir, 'fpm-ts.toml');
  const log = join(dir, 'fpm-ts.log');
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.file = "${logFile ?? log}"\n`);
  const pidFile = join(dir, 'run/fpm-ts.pid');
  const watch = watchProcesses();
  const cli: Place['cli'] = async (...args) => {
    const result = await runCommand(process.execPath, [MAIN, '-c', config, ...args], { cwd: dir });
    if (existsSync(pidFile)) watch.look([Number(readFileSync(pidFile, 'utf8'))]);
    return result;
  };
  scope.defer(async () => {
    await cli('stop', '--now');
    await assertNothingLeft(watch, dir);
  });
  return { cli, pidFile, log };
}

suite('integration/daemonize', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const { cli, pidFile, log } = place(scope, { www: hello('www') });

  await scope.test('returns when every pool is ready, with the pid', async () => {
    const { code, stdout, stderr } = await cli('start', '--daemonize');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.deepEqual([code, stdout, stderr], [0, `fpm-ts runs, pid ${pid}\n`, '']);
    assert.match((await cli('status')).stdout, /^www +running +2\/2/m);
    assert.ok(readLog(log).some(({ event }) => event === 'ready'));
  });

  await scope.test('what runs then has left the terminal and its session', () => {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.equal(readStat(pid)?.parent === process.pid, false);
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    assert.deepEqual([fields[3], fields[4]], [String(pid), '0'], 'session and terminal');
  });

  await scope.test('a second start: exit code 75, and the first goes on', async () => {
    const pid = readFileSync(pidFile, 'utf8');
    for (const args of [['start'], ['start', '--daemonize']]) {
      const words = await cli(...args);
      assert.deepEqual([words.code, words.stdout], [75, '']);
      assert.match(words.stderr, new RegExp(`^fpm-ts: a supervisor with pid ${pid.trim()} runs already`));
      assert.equal(words.stderr.trim().split('\n').length, 1, 'said once');
      const json = await cli(...args, '--json');
      assert.deepEqual([json.code, json.stderr], [75, '']);
      assert.equal((JSON.parse(json.stdout) as ErrorBody).error.code, 'ALREADY_RUNNING');
    }
    assert.equal(readFileSync(pidFile, 'utf8'), pid);
    assert.match((await cli('status')).stdout, /^www +running +2\/2/m);
    assert.match((await cli('request', 'www', '/')).stdout, /^hello/);
  });

  await scope.test('--json says the pid', async () => {
    assert.equal((await cli('stop')).code, 0);
    assert.equal(existsSync(pidFile), false);
    const { code, stdout } = await cli('start', '--daemonize', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { pid: Number(readFileSync(pidFile, 'utf8')) });
  });
});

suite('integration/daemonize-descriptors', {}, async scope => {
  const { dir } = scope;
  place(scope, { www: scriptPool('exec sleep 1000') });
  const lock = join(dir, 'deploy.lock');

  await scope.test('a lock that the caller holds is free again when the caller has ended', async () => {
    // As flock(1) shows it; Node itself closes low numbers on exec, up to the first gap above 15.
    const script = 'exec 200>"$0" && flock 200 && exec "$@"';
    const start = [process.execPath, MAIN, '-c', join(dir, 'fpm-ts.toml'), 'start', '--daemonize'];
    const { code, stderr } = await runCommand('bash', ['-c', script, lock, ...start], { cwd: dir });
    assert.equal(code, 0, stderr);
    assert.equal((await runCommand('flock', ['--nonblock', lock, 'true'])).code, 0);
  });
});

suite('integration/daemonize-stderr', {}, async scope => {
  const { dir } = scope;
  const { cli, pidFile } = place(scope, { www: scriptPool('echo output; exec sleep 1000') }, 'stderr');
  const log = join(dir, 'run/fpm-ts.log');

  await scope.test('whoever reads its stderr is let go, and is told where the log is', async () => {
    const start = [process.execPath, MAIN, '-c', join(dir, 'fpm-ts.toml'), 'start', '--daemonize'];
    const { stdout } = await runCommand('sh', ['-c', '"$@" 2>&1 | cat', 'sh', ...start], { cwd: dir });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.equal(stdout, `fpm-ts runs, pid ${pid}; its log is ${log}\n`);
    for (const descriptor of [0, 1, 2])
      assert.equal(readlinkSync(`/proc/${pid}/fd/${descriptor}`), '/dev/null');
  });

  await scope.test('the log is kept there, and reopened for logrotate', async () => {
    const told = readLog(log);
    assert.ok(told.some(({ event }) => event === 'ready') && told.some(({ msg }) => msg === 'output'));
    renameSync(log, `${log}.1`);
    assert.equal((await cli('reopen-logs')).code, 0);
    assert.ok(readLog(log).some(({ event }) => event === 'logsReopened'));
  });

  await scope.test('--json says it, too', async () => {
    assert.equal((await cli('stop')).code, 0);
    const { stdout } = await cli('start', '--daemonize', '--json');
    assert.deepEqual(JSON.parse(stdout), { pid: Number(readFileSync(pidFile, 'utf8')), log });
  });
});

suite('integration/daemonize-failed', {}, async scope => {
  const { cli } = place(scope, {
    bad: scriptPool('echo told-you-so >&2; exit 3'),
    good: scriptPool('exec sleep 1000'),
  });

  await scope.test('a pool that fails: exit code 1 and why; the others run on', async () => {
    const words = await cli('start', '--daemonize');
    assert.deepEqual([words.code, words.stdout], [1, '']);
    assert.match(words.stderr, /^fpm-ts: pool bad failed: .*code 3/);
    assert.match((await cli('status')).stdout, /^good +running/m);
    assert.equal((await cli('stop')).code, 0);
    const json = await cli('start', '--daemonize', '--json');
    assert.deepEqual([json.code, json.stderr], [1, '']);
    const { error } = JSON.parse(json.stdout) as ErrorBody;
    assert.equal(error.code, 'POOL_FAILED');
    assert.match(error.message, /pool bad failed: .*code 3/);
  });
});

suite('integration/daemonize-address-in-use', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const { cli, pidFile } = place(scope, { www: hello('www', { 'listen.address': join(scope.dir, 'file') }) });

  await scope.test('what cannot be listened on: nothing is left of the start', async () => {
    writeFileSync(join(scope.dir, 'file'), 'not a socket');
    const { code, stderr } = await cli('start', '--daemonize');
    assert.ok(code === 78 || code === 1, `${code}`);
    assert.match(stderr, /file/);
    assert.equal(existsSync(pidFile), false);
    assert.equal(readFileSync(join(scope.dir, 'file'), 'utf8'), 'not a socket');
  });
});

suite('integration/pid-file', {}, async scope => {
  const { dir } = scope;
  mkdirSync(join(dir, 'run'));
  // What a daemon that was killed leaves; the process of that pid lives, but it is no daemon of ours.
  writeFileSync(join(dir, 'run/fpm-ts.pid'), `${process.pid}\n`);
  const daemon = await startDaemon(scope, { pools: { www: scriptPool('exec sleep 1000') } });

  await scope.test('a stale one is taken over', () => {
    assert.equal(readFileSync(join(daemon.runDir, 'fpm-ts.pid'), 'utf8'), `${daemon.pid}\n`);
  });

  await scope.test('it is locked: whose lock it is says /proc/locks', () => {
    const locks = readFileSync('/proc/locks', 'latin1').split('\n');
    assert.ok(
      locks.some(line => line.includes(` ${daemon.pid} `) && /WRITE/.test(line)),
      locks.join('\n'),
    );
  });

  await scope.test('it goes with the daemon', async () => {
    await daemon.stop();
    await until(() => !existsSync(join(daemon.runDir, 'fpm-ts.pid')), { what: 'the pid file to go' });
  });
});
