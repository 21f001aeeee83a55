/** The keeper's listeners with real sockets: two at one address, how each comes and how it goes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { BindAddress } from '../../../../src/keeper/protocol.ts';
import {
  connectClients,
  holdListener,
  openListeners,
  publicOnes,
  specOf,
  tcpAddress,
  untilAsking,
  untilWaiting,
} from '../../../lib/listeners.ts';
import { until } from '../../../lib/poll.ts';
import { freePort } from '../../../lib/ports.ts';
import { suite } from '../../../lib/suite.ts';

const CLIENTS = 20;

suite('unit/keeper/listeners', {}, async scope => {
  const unix = (name: string): BindAddress => ({ type: 'unix', path: join(scope.dir, name) });
  const kinds = [
    ['Unix', async () => unix(`${Math.random()}.sock`)],
    ['TCP', async () => tcpAddress(await freePort())],
  ] as const;
  for (const [kind, newAddress] of kinds) {
    const name = (what: string): string => `${kind}: ${what}`;

    await scope.test(
      name('the second is hidden until it is published, then it gets everything'),
      async () => {
        const { listeners } = openListeners(scope);
        const address = await newAddress();
        const first = listeners.open(specOf('a', address));
        const second = listeners.open(specOf('b', address));
        assert.deepEqual(publicOnes(listeners), ['a']);
        await connectClients(scope, address, CLIENTS);
        await untilWaiting([first, CLIENTS], [second, 0]);
        listeners.publish('b');
        listeners.publish('b');
        assert.deepEqual(publicOnes(listeners), ['b']);
        await connectClients(scope, address, CLIENTS);
        await untilWaiting([first, CLIENTS], [second, CLIENTS]);
      },
    );

    await scope.test(name('a third generation gets nothing before it is published'), async () => {
      const { listeners } = openListeners(scope);
      const address = await newAddress();
      listeners.open(specOf('a', address));
      const second = listeners.open(specOf('b', address));
      listeners.publish('b');
      listeners.close('a');
      const third = listeners.open(specOf('c', address));
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([second, CLIENTS], [third, 0]);
      listeners.publish('c');
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([second, CLIENTS], [third, CLIENTS]);
    });

    await scope.test(name('a hidden one that is closed leaves the public one as it was'), async () => {
      const { listeners } = openListeners(scope);
      const address = await newAddress();
      const first = listeners.open(specOf('a', address));
      listeners.open(specOf('b', address));
      listeners.close('b');
      assert.deepEqual(publicOnes(listeners), ['a']);
      await connectClients(scope, address, CLIENTS);
      const next = listeners.open(specOf('c', address));
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([first, 2 * CLIENTS], [next, 0]);
    });

    await scope.test(
      name('one that refuses gets nobody new, and takes them again when it is opened'),
      async () => {
        const { listeners } = openListeners(scope);
        const address = await newAddress();
        const inode = listeners.open(specOf('a', address));
        const [before] = await connectClients(scope, address, 1);
        await untilWaiting([inode, 1]);
        listeners.refuse('a');
        assert.deepEqual(publicOnes(listeners), []);
        before?.write('still heard');
        if (address.type === 'unix') await assert.rejects(connectClients(scope, address, 1), /ENOENT/);
        // The kernel's client sends its SYN again after a second, which is then answered.
        const late = address.type === 'tcp' ? connectClients(scope, address, 1) : null;
        if (address.type === 'tcp') await untilAsking(address.port);
        assert.equal(listeners.open(specOf('a', address)), inode);
        assert.deepEqual(publicOnes(listeners), ['a']);
        await (late ?? connectClients(scope, address, 1));
        await untilWaiting([inode, 2]);
      },
    );

    await scope.test(name('one that refuses leaves the address to the next'), async () => {
      const { listeners } = openListeners(scope);
      const address = await newAddress();
      const first = listeners.open(specOf('a', address));
      await connectClients(scope, address, 1);
      listeners.refuse('a');
      const second = listeners.open(specOf('b', address));
      listeners.publish('b');
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([first, 1], [second, CLIENTS]);
      listeners.close('a');
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([second, 2 * CLIENTS]);
    });

    await scope.test(
      name('of several that are opened at once each is independent of the others'),
      async () => {
        const { listeners } = openListeners(scope);
        const stranger = openListeners(scope).listeners;
        const [free, taken, other] = [await newAddress(), await newAddress(), await newAddress()];
        stranger.open(specOf('stranger', taken));
        const specs = [specOf('a', free), specOf('b', taken), specOf('c', other), specOf('d', free)];
        const results = listeners.openAll(specs, error => ({ message: String(error), code: null }));
        assert.deepEqual(
          results.map(result => ('failure' in result ? 'failed' : 'open')),
          ['open', 'failed', 'open', 'open'],
        );
        assert.ok('failure' in (results[1] ?? {}));
        assert.match(JSON.stringify(results[1]), /EADDRINUSE/);
        assert.deepEqual(publicOnes(listeners), ['a', 'c'], 'the second at one address is hidden');
        assert.deepEqual(listeners.neighbours('d'), ['a', 'd']);
      },
    );

    await scope.test(name('a knock is reported once for each watch'), async () => {
      const { listeners, knocks } = openListeners(scope);
      const address = await newAddress();
      listeners.open(specOf('a', address));
      listeners.watch('a');
      listeners.watch('a');
      await connectClients(scope, address, 1);
      await until(() => knocks.length > 0, { what: 'a knock' });
      await connectClients(scope, address, 1);
      listeners.watch('a'); // the two still wait
      await until(() => knocks.length > 1, { what: 'another knock' });
      assert.deepEqual(knocks, ['a', 'a']);
    });

    await scope.test(
      name('one that a worker still holds is not looked at any more once it is closed'),
      async () => {
        const { listeners, knocks } = openListeners(scope);
        const [address, other] = [await newAddress(), await newAddress()];
        listeners.open(specOf('a', address));
        listeners.open(specOf('b', other));
        holdListener(scope, listeners.descriptor('a'));
        if (address.type === 'tcp') listeners.watch('a');
        listeners.watch('b');
        listeners.close('a');
        await connectClients(scope, other, 1);
        await until(() => knocks.length > 0, { what: 'a knock' });
        assert.deepEqual(knocks, ['b']);
      },
    );
  }
});
