/** What is under way when an upgrade comes: output, reloads, stops, a start that somebody waits for. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { startGated } from '../lib/gated.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { readLog } from '../lib/log.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText, scriptPool } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { openVersions, patch } from '../lib/versions.ts';

const HELLO = /^hello from \d+\n$/;

function eventsOf(daemon: Daemon, type: string): number {
  return daemon.log().filter(({ event }) => event === type).length;
}

async function begun(daemon: Daemon, before: number): Promise<void> {
  await until(() => eventsOf(daemon, 'upgrading') > before, { what: 'the upgrade', deadlineMs: 30_000 });
}

async function upgrade(daemon: Daemon): Promise<void> {
  const { code, stderr } = await daemon.cli('upgrade');
  assert.deepEqual([code, stderr], [0, '']);
}

/** Half a line, the other half when the file is there, and then numbered lines without end. */
const TALKER = `
$| = 1;
print "half";
select undef, undef, undef, .02 until -e $ARGV[0];
print "-whole\\n";
for (my $i = 1; ; $i++) { print "line $i\\n"; select undef, undef, undef, .002 }`;

suite('integration/upgrade-output', {}, async scope => {
  const gate = join(scope.dir, 'gate');
  const daemon = await startDaemon(scope, {
    pools: {
      talker: poolText({
        command: ['/usr/bin/perl', '-e', TALKER.replaceAll('$', '$$$$'), gate],
        protocol: 'other',
        listen: 'none',
        'pm.max_children': 1,
      }),
    },
    expectedLog: [/process_control_timeout/],
  });
  const said = (): string[] =>
    daemon.log().flatMap(({ stream, msg, part }) => {
      assert.equal(part, undefined);
      return stream === 'stdout' && msg !== undefined ? [msg] : [];
    });

  await scope.test('the half of a line that was written before is put together with the other', async () => {
    await upgrade(daemon);
    writeFileSync(gate, '');
    await until(() => said().length > 0, { what: 'the line' });
    assert.equal(said()[0], 'half-whole');
  });

  await scope.test('no line is lost, torn or doubled', async () => {
    for (let i = 0; i < 2; i++) await upgrade(daemon);
    const [pid = 0] = workerPids(await daemon.status(), 'talker');
    process.kill(pid, 'SIGSTOP');
    await upgrade(daemon);
    const lines = said().slice(1);
    assert.ok(lines.length > 100);
    assert.deepEqual(
      lines,
      lines.map((_, i) => `line ${i + 1}`),
    );
    process.kill(pid, 'SIGCONT');
  });
});

suite('integration/upgrade-underway', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const gated = await startGated(scope, { drain: { keys: { process_control_timeout: '60s' } } });
  const { daemon } = gated;
  const gate = join(scope.dir, 'ready.gate');
  const program = await compileFixture('hello');

  await scope.test('a reload that is under way is finished first', async () => {
    const script = `until [ -e ${gate} ]; do sleep 0.05; done; exec ${program}`;
    const text = gated.pool('late', { keys: { command: ['/bin/sh', '-c', script] } });
    writeFileSync(join(daemon.poolsDir, 'late.toml'), text);
    const reload = daemon.cli('reload', '--changed');
    await daemon.statusWhen('the reload', ({ state }) => state === 'reloading');
    const upgraded = daemon.cli('upgrade', '--json');
    // What it can go on with is found out beside the reload; then it waits.
    writeFileSync(gate, '');
    assert.deepEqual([(await reload).code, (await upgraded).code], [0, 0]);
    const order = daemon
      .log()
      .flatMap(({ event }) => (/^(reloaded|upgrading)$/.test(String(event)) ? [event] : []));
    assert.deepEqual(order, ['reloaded', 'upgrading']);
    assert.equal(poolOf(await daemon.status(), 'late').state, 'running');
  });

  await scope.test('the drain of an old generation, and the stop of a pool, go on', async () => {
    const answers = gated.ask(gated.address('drain'), 2);
    await gated.untilInHand(2);
    const reload = await daemon.cli('reload', 'drain');
    assert.equal(reload.code, 0, reload.stderr);
    const stop = daemon.cli('stop', 'drain');
    await gated.poolWhen('drain', 'its stop', ({ state }) => state === 'stopping');
    const busy = workerPids(await daemon.status(), 'drain');
    await upgrade(daemon);
    const during = poolOf(await daemon.status(), 'drain');
    assert.equal(during.state, 'stopping');
    gated.open('drain');
    assert.ok(
      (await answers).every(pid => busy.includes(Number(pid))),
      'answered by those who had them',
    );
    const { code, stderr } = await stop;
    assert.deepEqual([code, stderr], [0, '']);
    await gated.poolWhen('drain', 'its end', ({ state }) => state === 'stopped');
  });

  await scope.test('a stop of everything that comes meanwhile is done', async () => {
    const before = eventsOf(daemon, 'upgrading');
    const upgraded = daemon.cli('upgrade');
    await begun(daemon, before);
    await daemon.stop();
    await upgraded;
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
  });
});

/** The disk is slow, and the installed program dies as the keeper becomes it: what is left is what the journal says. */
suite('integration/upgrade-death', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const place = openInner(scope, 'daemon');
  const versions = openVersions(scope, '1.0.0');
  patch(
    versions.use('1.0.0', 'slow'),
    'dist/keeper/handover/journal.js',
    'const why = await this.#whyRewritten();',
    'await new Promise(resolve => setTimeout(resolve, 200)); const why = await this.#whyRewritten();',
  );
  const daemon = await startDaemon(place, {
    program: [process.execPath, versions.main],
    pools: { web: hello('web', { 'listen.address': join(scope.dir, 'web.sock') }) },
    expectedLog: [/ended without stopping its workers/, /supervisor restarted/],
  });
  const [ready, tried] = [join(scope.dir, 'ready'), join(scope.dir, 'tried')];

  await scope.test('a reload that had just ended is known to have ended', async () => {
    const mortal = versions.use('2.0.0');
    patch(mortal, 'dist/main.js', 'rememberSignals();', `process.kill(process.pid, 'SIGKILL');`);
    const words = 'writeSync(1, `fpm-ts';
    const told = `(await import('node:fs')).writeFileSync(${JSON.stringify(tried)}, '');`;
    patch(mortal, 'dist/cli/rehearsal.js', words, `${told}\n${words}`);
    const script = `until [ -e ${ready} ]; do sleep 0.05; done; exec ${await compileFixture('hello')}`;
    const late = hello('late', {
      command: ['/bin/sh', '-c', script],
      'listen.address': join(scope.dir, 'late.sock'),
    });
    writeFileSync(join(daemon.poolsDir, 'late.toml'), late);
    const reload = daemon.cli('reload', '--changed');
    await daemon.statusWhen('the reload', ({ state }) => state === 'reloading');
    const upgraded = daemon.cli('upgrade');
    await until(() => existsSync(tried), { what: 'the trial', deadlineMs: 30_000 });
    writeFileSync(ready, '');
    assert.deepEqual([(await reload).code, (await daemon.exited).signal], [0, 'SIGKILL']);
    assert.match((await upgraded).stderr, /has ended while it became 2\.0\.0/);
    versions.use('1.0.0');
    await daemon.startAgain();
    assert.deepEqual(
      (await daemon.status()).pools.map(({ state }) => state),
      ['running', 'running'],
    );
    assert.equal(eventsOf(daemon, 'reloadFailed'), 0);
  });
});

suite('integration/upgrade-given', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const path = join(scope.dir, 'given.sock');
  const place = openInner(scope, 'daemon');
  const launcher = ['/usr/bin/perl', placeFixture(scope, 'perl/listen-and-exec.pl')];
  const versions = openVersions(scope, '1.0.0');
  const daemon = await startDaemon(place, {
    program: [...launcher, `web=${path}`, '--', process.execPath, versions.main],
    pools: { web: hello('web', { 'listen.address': 'systemd:web' }) },
  });

  await scope.test('sockets of the service manager are there still, in use or not', async () => {
    await upgrade(daemon);
    assert.match(await askPool(unixSocket(path)), HELLO);
    assert.equal((await daemon.cli('stop', 'web')).code, 0);
    await upgrade(daemon);
    assert.equal((await daemon.cli('start', 'web')).code, 0);
    assert.match(await askPool(unixSocket(path)), HELLO);
    assert.equal((await daemon.cli('reload')).code, 0);
  });
});

/** Its pool is ready after a second, when its worker is seen to live on. */
suite('integration/upgrade-background', {}, async scope => {
  const place = openInner(scope, 'daemon');
  const versions = openVersions(scope, '1.0.0');
  const { dir } = place;
  mkdirSync(join(dir, 'pools.d'));
  writeFileSync(join(dir, 'pools.d/www.toml'), scriptPool('echo begun; exec sleep 1000'));
  const config = join(dir, 'fpm-ts.toml');
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.format = "json"\n`);
  const cli = (...args: string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [versions.main, '-c', config, ...args], { cwd: dir });
  const watch = watchProcesses();
  place.defer(async () => {
    await cli('stop', '--now');
    await assertNothingLeft(watch, dir);
  });

  await scope.test('who waits for a start in the background is told, and by the new version', async () => {
    const start = cli('start', '--daemonize');
    await until(async () => (await cli('status')).code === 0, { what: 'the control socket' });
    versions.use('1.1.0');
    const upgraded = await cli('upgrade');
    assert.deepEqual([upgraded.code, upgraded.stderr], [0, '']);
    const pid = Number(readFileSync(join(dir, 'run/fpm-ts.pid'), 'utf8'));
    watch.look([pid]);
    const { code, stdout, stderr } = await start;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^fpm-ts runs, pid ${pid}; its log is ${dir}/run/fpm-ts.log\n$`));
  });

  await scope.test('and again, when nobody waits any more; its log is its own', async () => {
    const { code, stdout, stderr } = await cli('upgrade');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^upgraded from 1\.1\.0 to 1\.1\.0, pid \d+ as before\n$/);
    const lines = readLog(join(dir, 'run/fpm-ts.log'));
    assert.equal(lines.filter(({ event }) => event === 'upgraded').length, 2);
  });
});
