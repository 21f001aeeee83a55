/**
 * After a keeper was killed the next start goes on with its workers as with its own. Under load that is
 * shown by chaos/keeper-death.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool, socketOf } from '../lib/pools.ts';
import { descendants, isAlive, readStat } from '../lib/processes.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const EXPECTED = [
  /ended without stopping its workers/,
  /supervisor restarted/,
  /only an earlier keeper was told/,
  /supervisor \d+ ended \(SIGKILL\)/,
  /reload failed/,
];
/** Says a word when it is told to, and leaves within a second of its stop signal. */
const TALKER = 'trap "echo a word >&2" USR2; trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done';

/** As a process leaves it that was killed: the file of a socket that nobody has any more. */
async function leaveSocketFile(path: string): Promise<void> {
  const bind = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
  const { code, stderr } = await runCommand('python3', ['-c', bind, path]);
  assert.equal(code, 0, stderr);
}

async function adopted(daemon: Daemon): Promise<Status> {
  await daemon.crash();
  await daemon.startAgain();
  return await daemon.status();
}

const wordsOf = (daemon: Daemon, pid: number): number =>
  daemon.log().filter(record => record.pid === pid && record.msg === 'a word').length;

suite('integration/adoption', { needs: ['gcc', 'libfcgi', 'python3'], timeoutMs: 240_000 }, async scope => {
  const hello = await helloPools(scope);
  const demand = { 'pm.mode': 'ondemand', 'pm.process_idle_timeout': '1s' };
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), talker: scriptPool(TALKER), rest: hello('rest', demand) },
    expectedLog: EXPECTED,
  });
  const first = await daemon.status();
  const stateFile = join(daemon.runDir, 'state.journal');

  await scope.test('the state file can be read by nobody else', () => {
    assert.equal(statSync(stateFile).mode & 0o777, 0o600);
  });

  await scope.test('the same workers, marked adopted; counters and generation go on', async () => {
    const before = poolOf(first, 'www');
    const after = poolOf(await adopted(daemon), 'www');
    assert.deepEqual(
      after.processes.map(({ pid, generation, adopted: isAdopted }) => ({ pid, generation, isAdopted })),
      before.processes.map(({ pid, generation }) => ({ pid, generation, isAdopted: true })),
    );
    assert.deepEqual(after.counters, before.counters);
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
  });

  await scope.test('a pool that was at rest wakes on demand', async () => {
    assert.match(await askPool(unixSocket(socketOf(scope, 'rest'))), /^hello/);
  });

  await scope.test(
    'what a worker writes while there is no keeper harms nobody, and is in the log',
    async () => {
      const [pid = 0] = workerPids(await daemon.status(), 'talker');
      const seen = readStat(pid);
      await daemon.crash();
      process.kill(pid, 'SIGUSR2');
      await until(() => descendants(pid).length === 1, { what: 'the next sleep of the worker' });
      await daemon.startAgain();
      await until(() => wordsOf(daemon, pid) === 1, { what: 'the word in the log' });
      process.kill(pid, 'SIGUSR2');
      await until(() => wordsOf(daemon, pid) === 2, { what: 'the next word in the log' });
      assert.ok(seen !== undefined && isAlive(seen));
    },
  );

  await scope.test('one that dies is noticed and replaced; how it ended is not known', async () => {
    const { counters, processes } = poolOf(await daemon.status(), 'www');
    const [victim] = processes;
    assert.ok(victim?.adopted);
    process.kill(victim.pid, 'SIGKILL');
    const after = await daemon.statusWhen('another worker', status => {
      const pids = workerPids(status, 'www');
      return pids.length === 2 && !pids.includes(victim.pid);
    });
    const now = poolOf(after, 'www').counters;
    assert.equal(now.exited, counters.exited + 1);
    assert.equal(now.spawned, counters.spawned + 1);
    assert.equal(now.crashed, counters.crashed, 'it may have ended well');
    const exits = daemon.log().filter(({ event, pid }) => event === 'exited' && pid === victim.pid);
    assert.deepEqual(
      exits.map(({ exit }) => exit),
      [{ code: null, signal: null }],
    );
  });

  await scope.test('one that dies while there is no keeper is replaced by the next', async () => {
    const [victim = 0] = workerPids(await daemon.status(), 'www');
    await daemon.crash();
    process.kill(victim, 'SIGKILL');
    await daemon.startAgain();
    const after = await daemon.statusWhen('two workers', status => workerPids(status, 'www').length === 2);
    assert.ok(!workerPids(after, 'www').includes(victim));
  });

  await scope.test('one that a keeper and a supervisor left frozen goes on', async () => {
    const [frozen = 0] = workerPids(await daemon.status(), 'www');
    await daemon.crash();
    process.kill(frozen, 'SIGSTOP');
    await until(() => readStat(frozen)?.state === 'T', { what: 'it to be stopped' });
    await daemon.startAgain();
    await until(() => readStat(frozen)?.state !== 'T', { what: 'it to go on' });
    assert.ok(workerPids(await daemon.status(), 'www').includes(frozen));
  });

  await scope.test('the file of a listener that was just being opened does not stay', async () => {
    await daemon.crash();
    const hidden = `${socketOf(scope, 'www')}.new`;
    await leaveSocketFile(hidden);
    await daemon.startAgain();
    assert.equal(existsSync(hidden), false);
  });

  await scope.test('scale and reload reach them', async () => {
    const before = workerPids(await adopted(daemon), 'www');
    assert.equal((await daemon.cli('scale', 'www', '1')).code, 0);
    const scaled = await daemon.statusWhen('one worker', status => workerPids(status, 'www').length === 1);
    assert.ok(before.includes(workerPids(scaled, 'www')[0] ?? 0));
    assert.equal((await daemon.cli('reload')).code, 0);
    const reloaded = await daemon.statusWhen('the old generation to be gone', status =>
      workerPids(status, 'www').every(pid => !before.includes(pid)),
    );
    assert.ok(poolOf(reloaded, 'www').processes.every(it => !it.adopted));
  });

  await scope.test('what the files say by now is in effect after the start', async () => {
    const kept = workerPids(await daemon.status(), 'www');
    await daemon.crash();
    writeFileSync(join(daemon.poolsDir, 'talker.toml'), `${scriptPool(TALKER)}stop_is_graceful = true\n`);
    writeFileSync(join(daemon.poolsDir, 'more.toml'), hello('more'));
    await daemon.startAgain();
    const after = await daemon.statusWhen('the new pool', status =>
      status.pools.some(it => it.name === 'more'),
    );
    assert.deepEqual(workerPids(after, 'www'), kept, 'nothing was said about this one');
    assert.match(await askPool(unixSocket(socketOf(scope, 'more'))), /^hello/);
  });

  await scope.test('files that are wrong end the start, and the workers serve', async () => {
    const kept = workerPids(await daemon.status(), 'www');
    await daemon.crash();
    const file = join(daemon.poolsDir, 'more.toml');
    const right = readFileSync(file, 'utf8');
    writeFileSync(file, 'command = []\n');
    await assert.rejects(daemon.startAgain(), /"code":78/);
    assert.ok(existsSync(stateFile), 'the next start needs it still');
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
    writeFileSync(file, right);
    await daemon.startAgain();
    assert.deepEqual(workerPids(await daemon.status(), 'www'), kept);
  });

  await scope.test('a pool that was stopped stays stopped', async () => {
    assert.equal((await daemon.cli('stop', 'more')).code, 0);
    await daemon.crash();
    await daemon.startAgain({ ready: status => status.state === 'running' });
    assert.equal(poolOf(await daemon.status(), 'more').state, 'stopped');
    assert.equal((await daemon.cli('start', 'more')).code, 0);
    assert.match(await askPool(unixSocket(socketOf(scope, 'more'))), /^hello/);
  });

  await scope.test('a supervisor that dies right after is followed by one that knows as much', async () => {
    const before = await adopted(daemon);
    process.kill(before.supervisor_pid, 'SIGKILL');
    const after = await daemon.statusWhen(
      'another supervisor',
      it => it.supervisor_pid !== before.supervisor_pid,
    );
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
    assert.ok(poolOf(after, 'www').processes.every(it => it.adopted));
  });

  await scope.test('a stop ends all of them, and leaves no state', async () => {
    await daemon.stop();
    assert.ok(!existsSync(stateFile));
  });
});

suite('integration/adoption-of-a-stop', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const slow = 'trap "" TERM; while :; do sleep 0.2; done';
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), slow: scriptPool(slow, { process_control_timeout: '30s' }) },
    expectedLog: [...EXPECTED, /./],
  });

  await scope.test('killed while it stopped: the next start runs every pool', async () => {
    const before = workerPids(await daemon.status(), 'slow');
    const stop = daemon.cli('stop');
    await daemon.statusWhen('the stop to be under way', status => status.state === 'stopping');
    await daemon.crash();
    const { code, stdout, stderr } = await stop;
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /not everything has stopped.*which continue.*`fpm-ts start` continues with them/);
    await daemon.startAgain();
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
    // Whether the one that there was had been told to stop by then, is a matter of milliseconds.
    const { processes } = poolOf(await daemon.status(), 'slow');
    assert.equal(processes.filter(it => it.state !== 'stopping').length, 1);
    for (const told of before) process.kill(told, 'SIGKILL');
    assert.equal((await daemon.cli('stop', '--now')).code, 0);
  });
});
