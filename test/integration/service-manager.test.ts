/** What a service manager hears (sd_notify(3)): a socket of the test's own is told by the real daemon. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { type Message, startNotified } from '../lib/notified.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner } from '../lib/place.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const names = (messages: readonly Message[]): string[] =>
  messages.map(({ fields }) => Object.keys(fields).join(' '));

const isReady = ({ fields }: Message): boolean => fields.READY === '1';

const READY = 'READY STATUS';
const RELOADING = 'RELOADING MONOTONIC_USEC STATUS';

suite('integration/service-manager', { needs: ['gcc', 'libfcgi', 'python3'] }, async scope => {
  const notified = await startNotified(scope, join(scope.dir, 'notify.sock'));
  const place = openInner(scope, 'daemon');
  const hello = await helloPools({ ...scope, dir: place.dir });
  const daemon = await startDaemon(place, {
    env: { NOTIFY_SOCKET: notified.socket },
    pools: {
      www: hello('www', { clear_env: false }),
      slow: scriptPool('trap "" TERM; sleep 600 & wait; sleep 600', { process_control_timeout: '7s' }),
    },
    expectedLog: [/"event":"reloadFailed"/, /supervisor \d+ ended/, /restarted/, /"pool":"slow"/],
  });
  const www = join(daemon.poolsDir, 'www.toml');
  const current = (): string | undefined =>
    notified.messages().findLast(({ fields }) => fields.STATUS !== undefined)?.fields.STATUS;

  await scope.test('ready when every pool is, with a line of status', async () => {
    const ready = await notified.when('READY=1', isReady);
    assert.deepEqual(names([ready]), [READY]);
    assert.equal(ready.fields.STATUS, 'running; 2 pools, 3 workers');
  });

  await scope.test('a reload begins and ends', async () => {
    const from = notified.messages().length;
    const before = process.hrtime.bigint() / 1000n;
    assert.equal((await daemon.cli('reload', 'www')).code, 0);
    await notified.when('READY=1', isReady, from);
    const [reloading, ready] = notified.phases().slice(-2);
    assert.ok(reloading !== undefined && ready !== undefined);
    assert.deepEqual(names([reloading, ready]), [RELOADING, READY]);
    const begun = BigInt(reloading.fields.MONOTONIC_USEC ?? 0);
    assert.ok(begun > before && begun < process.hrtime.bigint() / 1000n, `${before} ${begun}`);
  });

  await scope.test('a reload that fails ends as well, with the reason', async () => {
    const from = notified.messages().length;
    const text = readFileSync(www, 'utf8');
    writeFileSync(www, 'command = nothing\nlisten = 1\n');
    process.kill(daemon.pid, 'SIGHUP');
    const ready = await notified.when('READY=1', isReady, from);
    assert.deepEqual(names(notified.phases().slice(-2)), [RELOADING, READY]);
    assert.match(
      ready.fields.STATUS ?? '',
      /^running; 2 pools, \d workers; the last reload failed: .*www\.toml/,
    );
    writeFileSync(www, text);
  });

  await scope.test('two reloads that come together: RELOADING is followed by READY', async () => {
    const before = notified.phases().length;
    const results = await Promise.all([
      daemon.cli('reload', 'www'),
      daemon.cli('reload', 'www', '--changed'),
    ]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [0, 0],
    );
    // The second may begin before the first has ended: then one phase is for both.
    await notified.when('READY=1', () => names(notified.phases().slice(before)).at(-1) === READY);
    const phases = names(notified.phases().slice(before));
    assert.deepEqual(
      phases,
      phases.map((_, at) => (at % 2 === 0 ? RELOADING : READY)),
    );
  });

  await scope.test('how many workers there are is kept current', async () => {
    assert.equal((await daemon.cli('scale', '--force', 'www', '4')).code, 0);
    await notified.when('five workers', () => current() === 'running; 2 pools, 5 workers');
    assert.equal((await daemon.cli('stop', 'www')).code, 0);
    await notified.when('one', () => current() === 'running; 2 pools, 1 worker; stopped: www');
    assert.equal((await daemon.cli('start', 'www')).code, 0);
  });

  await scope.test('the supervisor dies in a reload: it is over, and the status says why', async () => {
    const text = readFileSync(www, 'utf8');
    writeFileSync(www, hello('www', { command: ['/bin/sh', '-c', 'exec sleep 600'] }));
    const { supervisor_pid: victim } = await daemon.status();
    const reload = daemon.cli('reload', 'www');
    await daemon.statusWhen('a reload', status => poolOf(status, 'www').workers.starting > 0);
    const from = notified.messages().length;
    process.kill(victim, 'SIGKILL');
    const ready = await notified.when('READY=1', isReady, from);
    assert.match(ready.fields.STATUS ?? '', /^supervisor \d+ ended \(SIGKILL\); the workers continue/);
    await notified.when('its successor', ({ text }) => text.startsWith('STATUS=running; 2 pools'), from);
    assert.notEqual((await reload).code, 0);
    assert.deepEqual(names(notified.phases().slice(-2)), [RELOADING, READY]);
    writeFileSync(www, text);
  });

  await scope.test('no child has the variables, though it may have all others', async () => {
    const status = await daemon.statusWhen('no worker to leave', ({ pools }) =>
      pools.every(({ workers }) => workers.stopping === 0),
    );
    for (const pid of [status.supervisor_pid, ...workerPids(status, 'www')])
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /NOTIFY_SOCKET|WATCHDOG/);
  });

  await scope.test('a stop that takes long asks for more time until it is over', async () => {
    const from = notified.messages().length;
    await daemon.stop();
    await daemon.exited;
    const said = notified.messages().slice(from);
    const more = said.slice(said.findIndex(({ fields }) => fields.STOPPING === '1'));
    assert.deepEqual(names(more.slice(0, 1)), ['STOPPING STATUS']);
    assert.ok(
      more.some(({ text }) => text === 'EXTEND_TIMEOUT_USEC=30000000'),
      JSON.stringify(said),
    );
    assert.match(more.at(-1)?.text ?? '', /^(STATUS=stopping; |EXTEND)/);
  });

  await scope.test('everything was said by the process that was started', () => {
    assert.deepEqual([...new Set(notified.messages().map(({ pid }) => pid))], [daemon.pid]);
  });
});

suite('integration/service-manager abstract', { needs: ['python3'] }, async scope => {
  const notified = await startNotified(scope, `@${scope.dir}/notify`);
  const daemon = await startDaemon(scope, {
    env: { NOTIFY_SOCKET: notified.socket },
    pools: {
      whole: scriptPool('exec sleep 600'),
      broken: scriptPool('exit 1'),
    },
    ready: status => status.pools.some(({ state }) => state === 'failed'),
    expectedLog: [/"pool":"broken"/],
  });

  await scope.test(
    'an abstract address; a pool that does not come up is told, and the service is ready',
    async () => {
      const { fields } = await notified.when('READY=1', isReady);
      assert.match(fields.STATUS ?? '', /^running; 2 pools, [123] workers?; pool broken failed: /);
      await daemon.stop();
    },
  );
});

suite('integration/service-manager nobody', {}, async scope => {
  const why = /NOTIFY_SOCKET.*\/nowhere\/notify: no such file/;
  const daemon = await startDaemon(scope, {
    env: { NOTIFY_SOCKET: '/nowhere/notify' },
    pools: { www: scriptPool('exec sleep 600') },
    expectedLog: [why],
  });

  await scope.test('that nobody can be told is said once, and fpm-ts runs', async () => {
    assert.equal((await daemon.cli('reload')).code, 0);
    assert.equal(daemon.log().filter(({ msg }) => why.test(msg ?? '')).length, 1);
    await daemon.stop();
  });
});

suite('integration/service-manager background', { needs: ['python3'] }, async scope => {
  const notified = await startNotified(scope, `@${scope.dir}/notify`);
  const config = join(scope.dir, 'fpm-ts.toml');
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(config, `run_dir = "${scope.dir}/run"\n`);
  writeFileSync(join(scope.dir, 'pools.d/www.toml'), scriptPool('exec sleep 600'));
  const cli = (...args: string[]): ReturnType<typeof runCommand> =>
    runCommand(process.execPath, [MAIN, '-c', config, '--json', ...args], {
      env: { ...cleanEnvironment(), NOTIFY_SOCKET: notified.socket },
    });
  scope.defer(async () => void (await cli('stop', '--now')));

  await scope.test(
    'start --daemonize: which process is to be watched, before the command returns',
    async () => {
      const { stdout } = await cli('start', '--daemonize');
      const { pid } = JSON.parse(stdout) as { pid: number };
      const ready = await notified.when('READY=1', isReady);
      assert.deepEqual([ready.pid, ready.fields.MAINPID], [pid, String(pid)]);
      assert.equal((await cli('stop')).code, 0);
      await notified.when('STOPPING=1', ({ fields }) => fields.STOPPING === '1');
    },
  );
});
