/** A stop by signal works also when the supervisor cannot do it: the keeper then ends the workers itself. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { install } from '../lib/installed.ts';
import { readLog } from '../lib/log.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import { isAlive, readStat, type Seen } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';

const EXPECTED = [/the keeper stops \d workers itself/, /killing workers/, /supervisor/, /backingOff/];

async function everything(daemon: Daemon): Promise<Seen[]> {
  const { pid, supervisor_pid, pools } = await daemon.status();
  const pids = [pid, supervisor_pid, ...pools.flatMap(pool => pool.processes.map(worker => worker.pid))];
  return pids.flatMap(it => readStat(it) ?? []);
}

/** The end of a keeper that did it itself: all is gone, and it was asked for. */
async function assertStopped(daemon: Daemon, all: readonly Seen[]): Promise<void> {
  assert.deepEqual(await daemon.exited, { code: 0, signal: null });
  assert.deepEqual(all.filter(isAlive), []);
  assert.deepEqual(readdirSync(daemon.runDir), []);
  assert.ok(daemon.log().some(({ msg }) => /the keeper stops \d workers itself/.test(msg ?? '')));
}

suite('integration/own-stop hanging', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      www: hello('www'),
      // Says on its stop signal what it was, and takes its time.
      quit: scriptPool('trap "echo told; sleep 0.2; exit 0" QUIT; while :; do sleep 0.05; done', {
        stop_signal: 'SIGQUIT',
      }),
    },
    expectedLog: EXPECTED,
  });

  await scope.test('one signal: each worker has its own stop signal and time', async () => {
    const all = await everything(daemon);
    process.kill((await daemon.status()).supervisor_pid, 'SIGSTOP');
    process.kill(daemon.pid, 'SIGTERM');
    await assertStopped(daemon, all);
    assert.ok(daemon.log().some(({ msg, pool }) => pool === 'quit' && msg === 'told'));
    assert.ok(!daemon.log().some(({ msg }) => /killing/.test(msg ?? '')));
  });
});

suite('integration/own-stop hanging and stubborn', {}, async scope => {
  const ignoring = scriptPool('trap "" TERM; while :; do sleep 600; done', {
    process_control_timeout: '300ms',
  });
  const daemon = await startDaemon(scope, { pools: { www: ignoring }, expectedLog: EXPECTED });

  await scope.test('a worker that does not end is killed when its time is over', async () => {
    const all = await everything(daemon);
    process.kill((await daemon.status()).supervisor_pid, 'SIGSTOP');
    process.kill(daemon.pid, 'SIGINT');
    await assertStopped(daemon, all);
    assert.ok(
      daemon.log().some(({ msg }) => /after process_control_timeout \(300 ms\): killing/.test(msg ?? '')),
    );
  });
});

suite('integration/own-stop taken', {}, async scope => {
  const ignoring = scriptPool('trap "" TERM; while :; do sleep 600; done', {
    process_control_timeout: '300ms',
  });
  const daemon = await startDaemon(scope, { pools: { www: ignoring }, expectedLog: EXPECTED });

  await scope.test(
    'a supervisor that hangs after it has begun to stop is not waited for for ever',
    async () => {
      const all = await everything(daemon);
      const { supervisor_pid } = await daemon.status();
      process.kill(daemon.pid, 'SIGTERM');
      await until(() => daemon.log().some(({ event }) => event === 'stopping'), {
        what: 'the stop to be taken',
      });
      process.kill(supervisor_pid, 'SIGSTOP');
      await assertStopped(daemon, all);
      assert.ok(daemon.log().some(({ msg }) => /has not finished the stop within 5600 ms/.test(msg ?? '')));
    },
  );
});

suite('integration/own-stop second signal', {}, async scope => {
  const ignoring = scriptPool('trap "" TERM; while :; do sleep 600; done', { process_control_timeout: '1h' });
  const daemon = await startDaemon(scope, { pools: { www: ignoring }, expectedLog: EXPECTED });

  await scope.test('kills every worker at once', async () => {
    const all = await everything(daemon);
    process.kill((await daemon.status()).supervisor_pid, 'SIGSTOP');
    process.kill(daemon.pid, 'SIGTERM');
    process.kill(daemon.pid, 'SIGINT'); // another one: two of the same may be delivered as one
    await assertStopped(daemon, all);
    assert.ok(daemon.log().some(({ msg }) => /a second signal: killing workers \d/.test(msg ?? '')));
  });
});

suite('integration/own-stop no supervisor', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const { node, main } = install(scope);
  const daemon = await startDaemon(scope, {
    program: [node, main],
    pools: { www: hello('www') },
    expectedLog: [...EXPECTED, /own-stop|installed|Error|Node\.js| {4}at /, /"process":"supervisor"/],
  });

  await scope.test('the program is broken: the workers go on, and a signal ends them', async () => {
    const all = await everything(daemon);
    const [, supervisor] = all;
    assert.ok(supervisor !== undefined);
    writeFileSync(main, 'throw new Error("broken by an unfinished upgrade");\n');
    process.kill(supervisor.pid, 'SIGKILL');
    const log = join(scope.dir, 'fpm-ts.log');
    await until(() => readLog(log).some(({ msg }) => /ended \(code 1\)/.test(msg ?? '')), {
      what: 'a supervisor that does not start',
      explain: () => readFileSync(log, 'utf8'),
    });
    assert.ok(all.filter(it => it !== supervisor).every(isAlive));
    process.kill(daemon.pid, 'SIGTERM');
    await assertStopped(daemon, all);
  });
});
