/** Stopping a pool: who waits is served, who is busy has its time, and what is cut is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { unixSocket } from '../lib/ask-pool.ts';
import type { Daemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { startGated } from '../lib/gated.ts';
import type { LogRecord } from '../lib/log.ts';
import { MAIN } from '../lib/paths.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const recordsOf = (daemon: Daemon, pool: string, event: string): LogRecord[] =>
  daemon.log().filter(it => it.pool === pool && it.event === event);

suite('integration/scaling-stop-waiting', { needs: ['gcc'] }, async scope => {
  const port = await freePort();
  const keys = { process_control_timeout: '60s' };
  const gated = await startGated(
    scope,
    {
      unix: { keys },
      tcp: { keys: { ...keys, 'listen.address': `127.0.0.1:${port}` } },
      asleep: { keys: { ...keys, 'pm.mode': 'ondemand', 'pm.max_children': 1 } },
    },
    { expectedLog: [/maxChildrenReached/] },
  );
  const { daemon, poolWhen } = gated;
  const addresses = {
    unix: gated.address('unix'),
    tcp: { type: 'tcp', host: '127.0.0.1', port },
    asleep: gated.address('asleep'),
  } as const;

  for (const [name, address] of Object.entries(addresses)) {
    await scope.test(`${name}: those in hand and those that wait are answered, nobody else`, async () => {
      const size = poolOf(await daemon.status(), name).pm.max_children;
      const answers = gated.ask(address, 7);
      await gated.untilInHand(size);
      await poolWhen(name, 'the others to wait', ({ queue }) => queue.length === 7 - size);
      const stop = daemon.cli('stop', name);
      await poolWhen(name, 'stopping', ({ state }) => state === 'stopping');
      const late = connect(address.type === 'unix' ? { path: address.path } : { host: '127.0.0.1', port });
      const refused = once(late, 'connect').then(
        () => assert.fail('a new connection was taken'),
        (error: NodeJS.ErrnoException) => error.code ?? '',
      );
      if (address.type === 'unix') assert.equal(await refused, 'ENOENT');
      gated.open(name);
      assert.deepEqual(
        (await answers).filter(it => typeof it === 'string'),
        [],
      );
      assert.equal((await stop).code, 0);
      assert.match(await refused, /ENOENT|ECONNREFUSED/);
      assert.equal(poolOf(await daemon.status(), name).state, 'stopped');
    });
  }
});

suite('integration/scaling-stop-cut', { needs: ['gcc'] }, async scope => {
  const keys = { process_control_timeout: '1s', 'pm.max_children': 1 };
  const long = { ...keys, process_control_timeout: '60s' };
  const gated = await startGated(
    scope,
    {
      plain: { keys },
      stubborn: { keys, flags: ['--signals=ignore'] },
      now: { keys: long, flags: ['--signals=ignore'] },
      twice: { keys: long },
    },
    { expectedLog: [/"event":"outOfTime","pool":"(plain|stubborn)"/] },
  );
  const { daemon } = gated;

  // What was cut stays in hand for ever.
  let cut = 0;
  const HOW = { plain: 'SIGTERM', stubborn: 'SIGKILL' };
  for (const [name, signal] of Object.entries(HOW)) {
    await scope.test(
      `${name}: after process_control_timeout it is ended with ${signal}, and the log says so`,
      async () => {
        const answers = gated.ask(gated.address(name), 1);
        await gated.untilInHand(++cut);
        const stop = await daemon.cli('stop', name);
        assert.equal(stop.code, 0, stop.stderr);
        assert.match(String(await answers), /ClientError/);
        const told = recordsOf(daemon, name, 'outOfTime');
        assert.deepEqual(
          told.map(({ timeoutMs }) => timeoutMs),
          [1000],
        );
        assert.match(told[0]?.msg ?? '', /what it has in hand may be cut/);
        const ends = recordsOf(daemon, name, 'exited').map(it => [it.reason, it.exit]);
        assert.deepEqual(ends, [['poolStopped', { code: null, signal }]]);
      },
    );
  }

  await scope.test('stop --now cuts at once', async () => {
    const answers = gated.ask(gated.address('now'), 2);
    await gated.untilInHand(++cut);
    const stop = await daemon.cli('stop', '--now', 'now');
    assert.equal(stop.code, 0, stop.stderr);
    assert.match(String(await answers), /ClientError.*ClientError/);
    assert.deepEqual(recordsOf(daemon, 'now', 'outOfTime'), []);
  });

  await scope.test('a stop while an old generation is being emptied waits for that one, too', async () => {
    const first = gated.ask(gated.address('twice'), 1);
    await gated.untilInHand(cut + 1);
    const reload = await daemon.cli('reload', 'twice');
    assert.equal(reload.code, 0, reload.stderr);
    const second = gated.ask(gated.address('twice'), 1);
    await gated.untilInHand(cut + 2);
    const stop = daemon.cli('stop', 'twice');
    await gated.poolWhen(
      'twice',
      'two leaving',
      ({ state, workers }) => state === 'stopping' && workers.stopping === 2,
    );
    gated.open('twice');
    const pids = [...(await first), ...(await second)];
    assert.ok(pids.every(pid => typeof pid === 'number') && pids[0] !== pids[1], pids.join());
    assert.equal((await stop).code, 0);
  });
});

suite('integration/scaling-stop-given', { needs: ['gcc'] }, async scope => {
  const path = join(scope.dir, 'given.sock');
  const launcher = ['/usr/bin/perl', placeFixture(scope, 'perl/listen-and-exec.pl'), `www=${path}`, '--'];
  const gated = await startGated(
    scope,
    {
      www: {
        keys: { 'listen.address': 'systemd:www', 'pm.mode': 'ondemand', process_control_timeout: '60s' },
      },
    },
    { program: [...launcher, process.execPath, MAIN], expectedLog: [/maxChildrenReached/] },
  );
  const { daemon } = gated;

  await scope.test(
    'a given socket: those in hand are finished, later ones wait for the next start',
    async () => {
      const answers = gated.ask(unixSocket(path), 2);
      await gated.untilInHand(2);
      const stop = daemon.cli('stop', 'www');
      await gated.poolWhen('www', 'stopping', ({ state }) => state === 'stopping');
      gated.open('www');
      assert.deepEqual(
        (await answers).filter(it => typeof it === 'string'),
        [],
      );
      assert.equal((await stop).code, 0);
      const late = gated.ask(unixSocket(path), 3);
      const waiting = connect({ path });
      await once(waiting, 'connect');
      waiting.destroy();
      assert.equal(poolOf(await daemon.status(), 'www').state, 'stopped');
      assert.equal((await daemon.cli('start', 'www')).code, 0);
      assert.deepEqual(
        (await late).filter(it => typeof it === 'string'),
        [],
      );
    },
  );
});
