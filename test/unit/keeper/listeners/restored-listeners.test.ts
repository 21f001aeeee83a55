/** Listeners that the keeper goes on with after an upgrade, or finds after another keeper's death. */
import assert from 'node:assert/strict';
import { closeSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Listeners } from '../../../../src/keeper/listeners/listeners.ts';
import {
  connectClients,
  holdListener,
  openListeners,
  pollerOf,
  publicOnes,
  specOf,
  tcpAddress,
  untilWaiting,
} from '../../../lib/listeners.ts';
import type { Place } from '../../../lib/place.ts';
import { freePort } from '../../../lib/ports.ts';
import { suite } from '../../../lib/suite.ts';

const CLIENTS = 20;

/** Those of `before`, in the hands of another. @param isLost of each: only a worker has it, `before` is closed */
function goOn(place: Place, before: Listeners, isLost: (id: string) => boolean): Listeners {
  const { listeners } = openListeners(place);
  for (const saved of before.saved) {
    const { spec, descriptor } = saved;
    assert.ok(descriptor !== null);
    if (isLost(spec.id)) closeSync(descriptor);
    listeners.restore(saved, isLost(spec.id) ? null : descriptor);
  }
  return listeners;
}

/** Whose descriptors somebody else closes. */
function openForAnother(place: Place): Listeners {
  return new Listeners(new Map(), pollerOf(place), () => {});
}

suite('unit/keeper/restored-listeners', {}, async scope => {
  await scope.test('Unix: what was public is, what was hidden can be published', async () => {
    const address = { type: 'unix', path: join(scope.dir, 'a.sock') } as const;
    const before = openForAnother(scope);
    const first = before.open(specOf('a', address));
    const second = before.open(specOf('b', address));
    const listeners = goOn(scope, before, () => false);
    assert.deepEqual(publicOnes(listeners), ['a']);
    await connectClients(scope, address, 1);
    listeners.publish('b');
    await connectClients(scope, address, 2);
    await untilWaiting([first, 1], [second, 2]);
    listeners.close('a');
    assert.ok(lstatSync(address.path).isSocket());
    listeners.close('b');
    assert.equal(lstatSync(address.path, { throwIfNoEntry: false }), undefined);
  });

  await scope.test('Unix: a refusing one takes connections again', async () => {
    const address = { type: 'unix', path: join(scope.dir, 'r.sock') } as const;
    const before = openForAnother(scope);
    before.open(specOf('a', address));
    before.refuse('a');
    const listeners = goOn(scope, before, () => false);
    assert.deepEqual(publicOnes(listeners), []);
    listeners.open(specOf('a', address));
    assert.deepEqual(publicOnes(listeners), ['a']);
    await connectClients(scope, address, 1);
    listeners.close('a');
  });

  await scope.test('TCP: the order in the group is known, a swap goes on', async () => {
    const address = tcpAddress(await freePort());
    const before = openForAnother(scope);
    const first = before.open(specOf('a', address));
    const second = before.open(specOf('b', address));
    const listeners = goOn(scope, before, () => false);
    await connectClients(scope, address, CLIENTS);
    listeners.publish('b');
    await connectClients(scope, address, CLIENTS);
    await untilWaiting([first, CLIENTS], [second, CLIENTS]);
    listeners.close('a');
    await connectClients(scope, address, 1);
    await untilWaiting([second, CLIENTS + 1]);
    listeners.close('b');
  });

  await scope.test('Unix, lost: another one takes its path, and keeps it', async () => {
    const address = { type: 'unix', path: join(scope.dir, 'lost.sock') } as const;
    const before = openForAnother(scope);
    const lost = before.open(specOf('a', address));
    holdListener(scope, before.descriptor('a'));
    await connectClients(scope, address, 1);
    const listeners = goOn(scope, before, () => true);
    assert.deepEqual(
      listeners.states.map(it => it.isLost),
      [true],
    );
    assert.throws(() => listeners.descriptor('a'), /only workers of an earlier keeper hold listener a/);
    const next = listeners.open(specOf('b', address));
    listeners.publish('b');
    await connectClients(scope, address, 2);
    await untilWaiting([lost, 1], [next, 2]);
    listeners.close('a');
    await connectClients(scope, address, 1);
    await untilWaiting([next, 3]);
    listeners.close('b');
  });

  await scope.test(
    'TCP, lost: another one gets every new connection, also when the lost one is given up',
    async () => {
      const address = tcpAddress(await freePort());
      const before = openForAnother(scope);
      const lost = before.open(specOf('a', address));
      holdListener(scope, before.descriptor('a'));
      const listeners = goOn(scope, before, () => true);
      const next = listeners.open(specOf('b', address));
      listeners.publish('b');
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([lost, 0], [next, CLIENTS]);
      listeners.close('a');
      await connectClients(scope, address, CLIENTS);
      await untilWaiting([lost, 0], [next, 2 * CLIENTS]);
      listeners.close('b');
    },
  );

  await scope.test('what is saved of those that were restored is what was restored', async () => {
    const before = openListeners(scope).listeners;
    before.open(specOf('a', { type: 'unix', path: join(scope.dir, 's.sock') }));
    before.open(specOf('b', tcpAddress(await freePort())));
    const listeners = openForAnother(scope);
    for (const saved of before.saved) listeners.restore(saved, saved.descriptor);
    assert.deepEqual(listeners.saved, before.saved);
  });
});
