/** A supervisor that hangs, or is just being started again: clients neither wait for ever nor give up too soon. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import { type ErrorBody, poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** Its stop takes longer than a client waits for a sign of life. */
const IGNORES_TERM = 'trap "" TERM; while :; do sleep 1; done';

suite('integration/control-silence', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), slow: scriptPool(IGNORES_TERM, { process_control_timeout: '6s' }) },
    expectedLog: [/supervisor/, /slow/, /is there again/],
  });

  async function failure(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await daemon.cli(...args, '--json');
    assert.deepEqual([code, stderr], [1, ''], stdout);
    const { error } = JSON.parse(stdout) as ErrorBody;
    assert.equal(error.code, 'NOT_ANSWERING', error.message);
    return error.message;
  }

  await scope.test(
    'the supervisor is stopped: whatever is asked fails, and says which process and what to do',
    async () => {
      const { supervisor_pid: supervisor } = await daemon.status();
      process.kill(supervisor, 'SIGSTOP');
      try {
        const asked = [failure('status'), failure('scale', '--force', 'www', '3')];
        const [status = '', scale = ''] = await Promise.all(asked);
        for (const message of [status, scale]) {
          assert.match(
            message,
            new RegExp(`supervisor \\(pid ${supervisor}\\) does not answer on .*control\\.sock`),
          );
          assert.match(message, /has stopped it.*The workers continue/);
          assert.match(
            message,
            new RegExp(`kill -CONT ${supervisor}.*kill -KILL ${supervisor}.*pid ${daemon.pid}`),
          );
        }
        assert.doesNotMatch(status, /may still do/);
        assert.match(scale, /may still do/);
      } finally {
        process.kill(supervisor, 'SIGCONT');
      }
      await daemon.statusWhen('what was asked', it => poolOf(it, 'www').workers.total === 3);
      assert.equal((await daemon.cli('status')).code, 0);
    },
  );

  await scope.test('what the message advises helps: another supervisor, the same workers', async () => {
    const before = await daemon.status();
    process.kill(before.supervisor_pid, 'SIGSTOP');
    process.kill(before.supervisor_pid, 'SIGKILL');
    const { code, stdout } = await daemon.cli('status', '--json');
    assert.equal(code, 0, stdout);
    const after = await daemon.status();
    assert.notEqual(after.supervisor_pid, before.supervisor_pid);
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
  });

  await scope.test(
    'a command during a restart waits for the next supervisor, also one that changes something',
    async () => {
      const before = workerPids(await daemon.status(), 'www');
      process.kill((await daemon.status()).supervisor_pid, 'SIGKILL');
      const { code, stderr } = await daemon.cli('reload', 'www');
      assert.deepEqual([code, stderr], [0, '']);
      assert.notDeepEqual(workerPids(await daemon.status(), 'www'), before);
    },
  );

  await scope.test('the supervisor does not come back: the keeper is named, and where to look', async () => {
    const { supervisor_pid: supervisor } = await daemon.status();
    process.kill(daemon.pid, 'SIGSTOP'); // it cannot start another one
    process.kill(supervisor, 'SIGKILL');
    try {
      const message = await failure('reload');
      assert.match(message, new RegExp(`runs \\(pid ${daemon.pid}\\), but its supervisor does not answer`));
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
    await daemon.statusWhen('another supervisor', it => it.supervisor_pid !== supervisor);
  });

  await scope.test('the control socket was removed: a command waits until it is there again', async () => {
    rmSync(daemon.controlSocket);
    assert.deepEqual(await daemon.cli('scale', 'www', '2').then(({ code, stderr }) => [code, stderr]), [
      0,
      '',
    ]);
    assert.ok(daemon.log().some(({ event }) => event === 'controlRestored'));
  });

  await scope.test('a command that takes longer than the silence allowed is waited for', async () => {
    const { code, stderr } = await daemon.cli('stop', 'slow');
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(daemon.log().some(({ event, pool }) => event === 'cut' && pool === 'slow'));
  });
});
