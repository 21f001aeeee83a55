/** The service manager as the keeper finds it in its environment, and messages to it when it is slow or not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentOf, Notifier, takeServiceManager } from '../../../../src/keeper/service/notifier.ts';
import { startNotified } from '../../../lib/notified.ts';
import { suite } from '../../../lib/suite.ts';

const OURS = String(process.pid);
const PATH = '/run/systemd/notify';

const ROWS: readonly (readonly [string, NodeJS.ProcessEnv, ReturnType<typeof takeServiceManager>])[] = [
  ['none', {}, null],
  ['an empty one', { NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000' }, null],
  ['without a watchdog', { NOTIFY_SOCKET: PATH }, { socket: PATH, watchdogMs: null }],
  ['a watchdog', { NOTIFY_SOCKET: PATH, WATCHDOG_USEC: '1500000' }, { socket: PATH, watchdogMs: 1500 }],
  [
    'a watchdog for us',
    { NOTIFY_SOCKET: PATH, WATCHDOG_USEC: '1000000', WATCHDOG_PID: OURS },
    { socket: PATH, watchdogMs: 1000 },
  ],
  [
    'a watchdog for another process',
    { NOTIFY_SOCKET: PATH, WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' },
    { socket: PATH, watchdogMs: null },
  ],
  ['a watchdog of no time', { NOTIFY_SOCKET: PATH, WATCHDOG_USEC: '0' }, { socket: PATH, watchdogMs: null }],
  [
    'a watchdog that is no number',
    { NOTIFY_SOCKET: PATH, WATCHDOG_USEC: '-1x' },
    { socket: PATH, watchdogMs: null },
  ],
];

for (const [name, env, expected] of ROWS) {
  void test(`${name}, and the variables are gone`, () => {
    const all = { ...env, OTHER: 'stays' };
    assert.deepEqual(takeServiceManager(all), expected);
    assert.deepEqual(all, { OTHER: 'stays' });
  });

  void test(`${name}, found again by the program that this process becomes`, () => {
    assert.deepEqual(takeServiceManager(environmentOf(expected)), expected);
  });
}

const NOBODY: readonly (readonly [name: string, socket: string, why: RegExp])[] = [
  ['a path', '/nowhere/notify', /NOTIFY_SOCKET.*\/nowhere\/notify: no such file/],
  ['an abstract name', '@fpm-ts-test-nobody', /NOTIFY_SOCKET.*@fpm-ts-test-nobody: connection refused/],
  ['another kind of address', 'vsock:2:1', /NOTIFY_SOCKET.*vsock:2:1 is neither the path/],
  ['a path that is too long', `/${'x'.repeat(120)}`, /NOTIFY_SOCKET.*121 bytes/],
  ['a name that is too long', `@${'x'.repeat(120)}`, /NOTIFY_SOCKET.*is neither/],
];

for (const [name, socket, why] of NOBODY)
  void test(`${name} where nobody is: said once`, () => {
    const problems: string[] = [];
    const notifier = new Notifier(socket, text => problems.push(text));
    for (let count = 0; count < 3; count++) notifier.sendSurely('READY=1');
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', why);
  });

suite('unit/keeper/notifier', { needs: ['python3'] }, async scope => {
  await scope.test('what there is no room for comes later, in order; what may be lost is', async () => {
    const notified = await startNotified(scope, `@${scope.dir}`);
    const notifier = new Notifier(notified.socket, assert.fail);
    process.kill(notified.pid, 'SIGSTOP');
    let room = 0;
    while (notifier.send(`STATUS=${room}`)) room++;
    assert.ok(room > 0);
    notifier.sendSurely('RELOADING=1');
    notifier.sendSurely('READY=1');
    assert.equal(notifier.send('WATCHDOG=1'), false);
    process.kill(notified.pid, 'SIGCONT');
    await notified.when('READY=1', ({ text }) => text === 'READY=1');
    assert.equal(notifier.send('STOPPING=1'), true);
    await notified.when('STOPPING=1', ({ text }) => text === 'STOPPING=1');
    const said = notified.messages().map(({ text }) => text);
    assert.deepEqual(
      said.slice(0, room),
      Array.from({ length: room }, (_, i) => `STATUS=${i}`),
    );
    assert.deepEqual(said.slice(room), ['RELOADING=1', 'READY=1', 'STOPPING=1']);
  });
});
