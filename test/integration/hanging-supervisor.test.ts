/** A supervisor that hangs is replaced by the keeper, and a service manager's watchdog hears of us all the time. */
import assert from 'node:assert/strict';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startNotified } from '../lib/notified.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/hanging-supervisor', { needs: ['gcc', 'libfcgi', 'python3'] }, async scope => {
  const hello = await helloPools(scope);
  const notified = await startNotified(scope, `@${scope.dir}`);
  const daemon = await startDaemon(scope, {
    // Five seconds are the least that a supervisor gets.
    env: { NOTIFY_SOCKET: notified.socket, WATCHDOG_USEC: '4000000' },
    pools: { www: hello('www') },
    expectedLog: [/hangs, and is killed/, /supervisor \d+ ended \(SIGKILL\)/, /supervisor restarted/],
  });
  const before = await daemon.status();
  const { supervisor_pid: victim } = before;

  await scope.test('it is killed when it has been silent for as long as the watchdog allows', async () => {
    process.kill(victim, 'SIGSTOP');
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello from \d+\n$/);
    const after = await daemon.statusWhen('another supervisor', ({ supervisor_pid: pid }) => pid !== victim);
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
    const told = daemon.log().map(({ msg = '' }) => msg);
    assert.ok(told.includes(`supervisor ${victim} has not been heard of for 5 s: it hangs, and is killed`));
  });

  await scope.test('the watchdog has heard of us meanwhile, and the status says what happened', () => {
    const said = notified.messages().map(({ text }) => text);
    const death = said.findIndex(text => text.startsWith(`STATUS=supervisor ${victim} ended (SIGKILL)`));
    assert.ok(death > 0, JSON.stringify(said));
    assert.ok(said.slice(0, death).filter(text => text === 'WATCHDOG=1').length >= 2, JSON.stringify(said));
  });

  await scope.test('its successor works', async () => {
    assert.equal((await daemon.cli('reload')).code, 0);
    await daemon.stop();
  });
});
