/** Commands on a pool that meet: each that says it is done is done, and none waits for ever. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { askPool } from '../lib/ask-pool.ts';
import { beginCommand } from '../lib/control-command.ts';
import { type Gated, startGated } from '../lib/gated.ts';
import { until } from '../lib/poll.ts';
import type { PoolKeys } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { openDescriptors } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';

const ONE: PoolKeys = { 'pm.max_children': 1, process_control_timeout: '60s' };

const socketFile = ({ daemon }: Gated, pool: string): string => join(daemon.runDir, `${pool}.sock`);

suite('integration/start-during-stop-of-others', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(
    scope,
    {
      ondemand: { keys: { ...ONE, 'pm.mode': 'ondemand' } },
      static: { keys: ONE },
      busy: { keys: ONE },
    },
    { expectedLog: [/maxChildrenReached/] },
  );
  const { daemon, poolWhen } = gated;

  for (const name of ['ondemand', 'static']) {
    await scope.test(
      `${name}: started while a stop of it and of a busy pool is under way, it runs`,
      async () => {
        const inHand = gated.ask(gated.address('busy'), 1);
        await gated.untilInHand(1);
        const stop = await beginCommand(daemon, 'stop', { pools: [name, 'busy'] });
        await poolWhen(name, 'stopped', ({ state }) => state === 'stopped');
        await poolWhen('busy', 'stopping', ({ state }) => state === 'stopping');
        const start = await daemon.cli('start', name);
        assert.equal(start.code, 0, start.stderr);
        gated.open('busy');
        assert.equal(typeof (await inHand)[0], 'number');
        assert.equal((await stop.answer()).status, 200);
        await poolWhen(name, 'running', ({ state }) => state === 'running');
        assert.ok(existsSync(socketFile(gated, name)));
        gated.open(name);
        assert.match(await askPool(gated.address(name)), /^\d+ /);
        gated.close('busy');
        assert.equal((await daemon.cli('start', 'busy')).code, 0);
      },
    );
  }
});

suite('integration/start-twice-during-stop', { needs: ['gcc'] }, async scope => {
  const port = await freePort();
  const address = { type: 'tcp', host: '127.0.0.1', port } as const;
  const gated = await startGated(scope, { www: { keys: { ...ONE, 'listen.address': `127.0.0.1:${port}` } } });
  const { daemon, poolWhen } = gated;
  const open = openDescriptors(daemon.pid);

  await scope.test('both starts are done when the pool runs', async () => {
    const inHand = gated.ask(address, 1);
    await gated.untilInHand(1);
    const stop = await beginCommand(daemon, 'stop', { pools: ['www'] });
    const starts = await Promise.all([
      beginCommand(daemon, 'start', { pools: ['www'] }),
      beginCommand(daemon, 'start', { pools: ['www'] }),
    ]);
    gated.open('www');
    assert.equal(typeof (await inHand)[0], 'number');
    assert.equal((await stop.answer()).status, 200);
    for (const start of starts) assert.equal((await start.answer()).status, 200);
    await poolWhen('www', 'running', ({ state, workers }) => state === 'running' && workers.total === 1);
  });

  await scope.test('no listener is left over: the keeper has as many descriptors as before', async () => {
    await until(() => openDescriptors(daemon.pid) === open, {
      what: `${open} descriptors`,
      explain: () => `the keeper has ${openDescriptors(daemon.pid)}`,
    });
  });

  await scope.test('reloads over TCP work, and the pool answers', async () => {
    for (let reload = 0; reload < 3; reload++) {
      const { code, stderr } = await daemon.cli('reload', 'www');
      assert.equal(code, 0, stderr);
      assert.match(await askPool(address), /^\d+ /);
    }
  });
});

suite('integration/removed-during-start', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(scope, { www: { keys: ONE }, other: { keys: ONE } });
  const { daemon } = gated;

  await scope.test(
    'a start of a pool that is emptied and then removed fails, and nothing listens',
    async () => {
      const inHand = gated.ask(gated.address('www'), 1);
      await gated.untilInHand(1);
      const stop = await beginCommand(daemon, 'stop', { pools: ['www'] });
      const start = await beginCommand(daemon, 'start', { pools: ['www'] });
      rmSync(join(daemon.poolsDir, 'www.toml'));
      const reload = await beginCommand(daemon, 'reload', {});
      gated.open('www');
      assert.equal(typeof (await inHand)[0], 'number');
      const refused = await start.answer();
      assert.equal(refused.status, 404, refused.text);
      assert.match(refused.text, /"NO_SUCH_POOL".*removed from the configuration/);
      assert.equal((await reload.answer()).status, 200);
      assert.equal((await stop.answer()).status, 200);
      assert.deepEqual(
        (await daemon.status()).pools.map(({ name }) => name),
        ['other'],
      );
      assert.ok(!existsSync(socketFile(gated, 'www')));
      await assert.rejects(askPool(gated.address('www')), /ENOENT|does not exist|no such/i);
    },
  );

  await scope.test('other pools continue', async () => {
    gated.open('other');
    assert.match(await askPool(gated.address('other')), /^\d+ /);
  });
});
