/** A program that puts itself into the background: the pool fails and says why, and a stop says what it leaves. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { describe, isAlive, kill, readStat } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/background', {}, async scope => {
  // As daemon(3) does it. The name of the directory tells whose they are: they are children of init by then.
  // Its name is a tenant's to choose: an escape sequence, a line of its own.
  const hostile = 'x\u001B]0;owned\u0007\n# fpm-ts: all is well';
  // The parent waits until its child is in a session of its own. Before, the end of the worker ends the child, too.
  const detach = 'pipe(R, W); if (fork) { close W; <R>; exit 0 } POSIX::setsid(); close W';
  const daemonize = `use POSIX; ${detach}; sleep 600 # ${scope.dir} ${hostile}`;
  const background = (): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter(pid => pid > 0 && describe(pid) === `/usr/bin/perl -e ${daemonize}`);
  const endAll = async (): Promise<void> => {
    const left = background().flatMap(pid => readStat(pid) ?? []);
    for (const each of left) kill(each, 'SIGKILL');
    await until(() => !left.some(isAlive), { what: 'what went into the background to end' });
  };
  scope.defer(endAll); // when the start fails
  const daemon = await startDaemon(scope, {
    pools: {
      www: poolText({
        command: ['/usr/bin/perl', '-e', daemonize],
        'listen.address': socketOf(scope, 'www'),
        'pm.max_children': 1,
      }),
    },
    ready: ({ pools }) => pools.every(({ state }) => state === 'failed'),
    expectedLog: [/poolFailed|backingOff|is not a worker and continues/],
  });

  scope.defer(endAll); // before it is looked whether the socket is still open

  await scope.test('the reason says so, and who has the listener', async () => {
    const { reason } = poolOf(await daemon.status(), 'www');
    assert.match(reason, /ended with code 0 \d+ ms after its start, and pid \d+ \(\/usr\/bin\/perl /);
    assert.match(reason, /seems to have gone into the background. Run it in the foreground/);
  });

  await scope.test('stop names what goes on, and what ends it', async () => {
    // A worker that is about to detach has the same command line.
    const listed = background();
    const before = listed.filter(pid => {
      const parent = readStat(pid)?.parent;
      return parent !== undefined && ![daemon.pid, ...listed].includes(parent);
    });
    assert.ok(before.length > 0);
    const { code, stdout, stderr } = await daemon.cli('stop');
    assert.deepEqual([code, stdout], [0, 'stopped\n']);
    for (const pid of before)
      assert.match(
        stderr,
        new RegExp(`pid ${pid} \\(/usr/bin/perl -e .*\\) continues.*\`kill ${pid}\` ends it`),
      );
    assert.ok(
      stderr.includes('x\\x1b]0;owned\\x07\\x0a# fpm-ts: all is well'),
      'what it calls itself is shown',
    );
    for (const line of stderr.trimEnd().split('\n')) assert.match(line, /^fpm-ts: pid \d+ [ -~]*$/);
    const logged = daemon.log().filter(({ msg }) => /is not a worker and continues/.test(msg ?? ''));
    assert.ok(logged.length >= before.length);
  });
});
