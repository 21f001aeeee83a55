/** What a process is at, beside what it was told to do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { callCounts, describeActivity, kernelStack, waitsFor } from '../../src/worker/activity.ts';
import { until } from '../lib/poll.ts';
import { IS_ROOT, type Scope, suite } from '../lib/suite.ts';

/** A Perl program, whose stdin is a socket that stays open. */
function start(scope: Scope, program: string, command = ['perl', '-e']): number {
  const [path = '', ...args] = command;
  const child = spawn(path, [...args, program], { stdio: ['pipe', 'inherit', 'inherit'] });
  scope.defer(async () => {
    const closed = child.exitCode ?? child.signalCode ?? once(child, 'exit');
    child.kill('SIGKILL');
    await closed;
  });
  return child.pid ?? 0;
}

suite('integration/activity', { needs: ['python3'] }, async scope => {
  const select = 'vec(my $set = "", 0, 1) = 1; select($set, undef, undef, undef)';
  for (const [name, program, says] of [
    ['reads', 'sysread(STDIN, my $text, 1)', /^read of descriptor 0, socket:\[\d+\]$/],
    ['selects', select, /^p?select6?$/],
  ] as const)
    await scope.test(`one that ${name} waits for its client`, async () => {
      const pid = start(scope, program);
      await until(() => waitsFor(pid, 0) === true, {
        what: 'the wait',
        explain: () => describeActivity(pid),
      });
      assert.match(describeActivity(pid), says);
      assert.equal(waitsFor(pid, 7), false, 'another descriptor');
      if (IS_ROOT) assert.ok((kernelStack(pid)?.length ?? 0) > 0);
    });

  await scope.test(
    'of one that waits in epoll it cannot be told, nor when that stands in another one',
    async () => {
      const nested = (held: string): string =>
        `import os, select; r, w = os.pipe(); inner = select.epoll(); inner.register(${held}); ` +
        'outer = select.epoll(); outer.register(inner.fileno(), select.EPOLLIN); outer.poll()';
      for (const [held, told] of [
        ['0, select.EPOLLIN', null],
        ['r, select.EPOLLIN', false],
      ] as const) {
        const pid = start(scope, nested(held), ['python3', '-c']);
        await until(() => /^epoll_p?wait/.test(describeActivity(pid)), { what: 'the wait' });
        assert.equal(waitsFor(pid, 0), told, held);
      }
    },
  );

  await scope.test('one that sleeps does not, and has read nothing more', async () => {
    const pid = start(scope, 'sleep(600)');
    await until(() => /nanosleep/.test(describeActivity(pid)), { what: 'its sleep' });
    assert.equal(waitsFor(pid, 0), false);
    assert.deepEqual(callCounts(pid), callCounts(pid));
  });

  await scope.test('one that runs is running', async () => {
    const pid = start(scope, '1 while 1');
    await until(() => describeActivity(pid) === 'running, in no system call', { what: 'the loop' });
    assert.equal(waitsFor(pid, 0), false);
  });

  await scope.test('one that has ended is gone', () => {
    const pid = 2 ** 22 + 1;
    assert.deepEqual(
      [describeActivity(pid), waitsFor(pid, 0), callCounts(pid), kernelStack(pid)],
      ['gone', false, null, null],
    );
  });
});
