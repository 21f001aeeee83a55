/** fpm-ts as pid 1 of a container: it reaps every orphan, and takes nobody's children away. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { readLog } from '../lib/log.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { descendants, describe, isAlive, kill, readStat, type Seen } from '../lib/processes.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Starts grandchildren whose parents end at once, as daemons do, for as long as it runs. */
const FORKS_TWICE = `
$SIG{CHLD} = 'DEFAULT';
my $orphans = 0;
while (1) {
  for (1 .. 5) {
    my $child = fork;
    if (!$child) { exit 0 if fork; select undef, undef, undef, 0.02; exit 7; }
    waitpid $child, 0;
    print STDERR "stolen: $!\\n" if $? != 0;
    $orphans++;
  }
  print STDERR "orphans: $orphans\\n";
  select undef, undef, undef, 0.05;
}`;

/** Its own children are its own to wait for: their exit codes must arrive. */
const WAITS = `
for (1 .. 200) {
  my $child = fork;
  if (!$child) { select undef, undef, undef, 0.01; exit 9 }
  my $got = waitpid $child, 0;
  die "waited for $child, got $got with $?" if $got != $child || $? >> 8 != 9;
}
print STDERR "all waited for\\n";
sleep 600;`;

suite('root/pid1', { root: true }, async scope => {
  const { dir } = scope;
  const pools = join(dir, 'pools.d');
  mkdirSync(pools);
  const perl = (script: string): string =>
    scriptPool('', { command: ['/usr/bin/perl', '-e', script.replaceAll('$', '$$$$')] });
  writeFileSync(join(pools, 'orphans.toml'), perl(FORKS_TWICE));
  writeFileSync(join(pools, 'waits.toml'), perl(WAITS));
  writeFileSync(join(pools, 'dies.toml'), scriptPool('sleep 1.2; exit 5'));
  // A worker and an orphan, both a sleep.
  writeFileSync(join(pools, 'together.toml'), scriptPool('(sleep 600 &); exec sleep 600'));
  const configFile = join(dir, 'fpm-ts.toml');
  writeFileSync(configFile, `run_dir = "${dir}/run"\nlog.file = "${dir}/log"\nlog.format = "json"\n`);
  const log = (): ReturnType<typeof readLog> => readLog(join(dir, 'log'));

  const output = openSync(join(dir, 'output.txt'), 'a');
  const unshare = spawn(
    'unshare',
    ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, MAIN, '-c', configFile, 'start'],
    { stdio: ['ignore', output, output] },
  );
  const exited = once(unshare, 'exit');
  scope.defer(async () => {
    unshare.kill('SIGKILL'); // with it the keeper, and with pid 1 everything in its namespace
    await exited;
  });
  const keeper = await until(() => descendants(unshare.pid ?? 0)[0]?.pid, { what: 'the keeper' });

  const inside = async (...command: string[]): Promise<string> => {
    const args = ['--target', String(keeper), '--pid', '--mount', '--', ...command];
    const { code, stdout, stderr } = await runCommand('nsenter', args, { cwd: dir });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const status = async (): Promise<Status> =>
    JSON.parse(await inside(process.execPath, MAIN, '-c', configFile, 'status', '--json')) as Status;
  const said = (pool: string, pattern: RegExp): boolean =>
    log().some(record => record.pool === pool && pattern.test(record.msg ?? ''));
  const noZombies = async (): Promise<void> => {
    await until(() => descendants(keeper).every(({ state }) => state !== 'Z'), {
      what: 'all zombies to be gone',
      explain: () => JSON.stringify(descendants(keeper)),
    });
  };

  await until(() => said('orphans', /orphans: \d+/), { what: 'the first orphans', deadlineMs: 20_000 });

  await scope.test('the keeper is pid 1', async () => {
    assert.equal((await status()).pid, 1);
  });

  await scope.test('hundreds of orphans are reaped while they come', async () => {
    await until(() => said('orphans', /orphans: [2-9]\d\d/), {
      what: 'two hundred orphans',
      deadlineMs: 30_000,
    });
    assert.ok(!said('orphans', /stolen/));
  });

  await scope.test('a worker’s own children are its own to wait for', async () => {
    await until(() => said('waits', /all waited for/), { what: 'two hundred children', deadlineMs: 30_000 });
  });

  await scope.test('the exits of workers are seen with their codes', async () => {
    const exits = await until(
      () => {
        const found = log().filter(({ pool, event }) => pool === 'dies' && event === 'exited');
        return found.length >= 2 ? found : undefined;
      },
      { what: 'two exits' },
    );
    assert.deepEqual(exits[0]?.exit, { code: 5, signal: null });
    assert.equal(poolOf(await status(), 'waits').counters.exited, 0);
  });

  await scope.test('when the orphans have ended none is left as a zombie', async () => {
    await inside(process.execPath, MAIN, '-c', configFile, 'stop', 'orphans', 'dies');
    await noZombies();
  });

  await scope.test('an orphan that ends together with a worker is reaped as well', async () => {
    const sleepers = (): Seen[] => descendants(keeper).filter(({ pid }) => describe(pid) === 'sleep 600');
    const [worker] = poolOf(await status(), 'together').processes;
    assert.ok(worker !== undefined);
    const both = await until(() => (sleepers().length === 2 ? sleepers() : undefined), { what: 'both' });
    // The keeper finds both at once, and is told of both by one SIGCHLD.
    process.kill(keeper, 'SIGSTOP');
    for (const seen of both) kill(seen, 'SIGKILL');
    await until(() => !both.some(isAlive), { what: 'both to have ended' });
    process.kill(keeper, 'SIGCONT');
    await until(() => !both.some(seen => readStat(seen.pid)?.startTicks === seen.startTicks), {
      what: 'both to be reaped',
      explain: () => JSON.stringify(descendants(keeper)),
    });
  });

  await scope.test('SIGTERM to pid 1 stops everything', async () => {
    process.kill(keeper, 'SIGTERM');
    const [code] = (await exited) as [number | null];
    assert.equal(code, 0, readFileSync(join(dir, 'output.txt'), 'utf8'));
  });
});
