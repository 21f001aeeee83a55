/** TCP listeners of the keeper: the group that two make, strangers at the address, and what an end leaves behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { BindAddress } from '../../../../src/keeper/protocol.ts';
import { tcpListeners } from '../../../../src/os/sock-diag.ts';
import {
  connectClients,
  holdListener,
  openListeners,
  publicOnes,
  runWith,
  specOf,
  tcpAddress,
  untilAsking,
  untilWaiting,
  waitingAt,
} from '../../../lib/listeners.ts';
import { until } from '../../../lib/poll.ts';
import { freePort } from '../../../lib/ports.ts';
import { suite } from '../../../lib/suite.ts';

const CLIENTS = 20;

suite('unit/keeper/tcp-listener', { needs: ['python3'] }, async scope => {
  await scope.test('a third beside two is refused, and says which two', async () => {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    for (const id of ['a', 'b']) listeners.open(specOf(id, tcpAddress(port)));
    assert.throws(
      () => listeners.open(specOf('c', tcpAddress(port))),
      new RegExp(`a and b share 127.0.0.1:${port} already, and only two can`),
    );
    listeners.close('a');
    assert.deepEqual(publicOnes(listeners), ['b']);
    listeners.open(specOf('c', tcpAddress(port)));
  });

  await scope.test('closed, it gets nothing more, although a worker holds it', async () => {
    const { listeners } = openListeners(scope);
    const address = tcpAddress(await freePort());
    const first = listeners.open(specOf('a', address));
    holdListener(scope, listeners.descriptor('a'));
    const second = listeners.open(specOf('b', address));
    listeners.publish('b');
    listeners.close('a');
    assert.equal(waitingAt(first), undefined);
    await connectClients(scope, address, CLIENTS);
    await untilWaiting([second, CLIENTS]);
    listeners.close('b');
    await assert.rejects(connectClients(scope, address, 1), /ECONNREFUSED/);
    listeners.open(specOf('c', address));
  });

  await scope.test('refusing and then closed: who tried meanwhile is refused', async () => {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    listeners.open(specOf('a', tcpAddress(port), { allowedClients: ['127.0.0.0/8'] }));
    listeners.refuse('a');
    const late = connectClients(scope, tcpAddress(port), 1);
    await untilAsking(port);
    listeners.close('a');
    await assert.rejects(late, /ECONNREFUSED/);
  });

  await scope.test('refusing: what waits is still accepted, and what is established goes on', async () => {
    const { listeners } = openListeners(scope);
    const address = tcpAddress(await freePort());
    listeners.open(specOf('a', address));
    runWith(scope, listeners.descriptor('a'), ['/usr/bin/python3', '-c', ECHO]);
    const [busy, waiting] = await connectClients(scope, address, 2);
    const answerOf = async (socket: Socket | undefined, text: string): Promise<string> => {
      assert.ok(socket);
      const answer = once(socket, 'data');
      socket.write(text);
      return String((await answer)[0]);
    };
    assert.equal(await answerOf(busy, 'one'), 'one');
    listeners.refuse('a');
    assert.equal(await answerOf(busy, 'two'), 'two');
    busy?.end(); // the program serves one at a time
    assert.equal(await answerOf(waiting, 'three'), 'three');
  });

  /** A program that listens where SO_REUSEPORT lets it. @returns its pid, once it does */
  async function startStranger(port: number): Promise<number> {
    const listening = (): number => tcpListeners().filter(row => row.port === port).length;
    const before = listening();
    const pid = runWith(scope, null, ['/usr/bin/python3', '-c', SHARES_PORT, String(port)]);
    await until(() => listening() > before, { what: `a stranger on port ${port}` });
    return pid;
  }

  await scope.test('a stranger’s address is refused with his pid, although he would share it', async () => {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    const pid = await startStranger(port);
    const who = `127.0.0.1:${port}, where python3[^ ]* \\(pid ${pid}\\) listens on 0.0.0.0:${port}: .*EADDRINUSE`;
    assert.throws(() => listeners.open(specOf('a', tcpAddress(port))), new RegExp(who));
  });

  await scope.test('a stranger who has come beside ours keeps the next one out', async () => {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    listeners.open(specOf('a', tcpAddress(port)));
    const pid = await startStranger(port);
    const who = new RegExp(`pid ${pid}\\).*EADDRINUSE`);
    assert.throws(() => listeners.open(specOf('b', tcpAddress(port))), who);
  });

  await scope.test('addresses of ours that overlap live side by side, and are no group', async () => {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    const one = listeners.open(specOf('one', tcpAddress(port)));
    const all = listeners.open(specOf('all', tcpAddress(port, '0.0.0.0')));
    const dual = listeners.open(specOf('dual', tcpAddress(port, '::', true)));
    assert.deepEqual(publicOnes(listeners), ['one', 'all', 'dual']);
    await connectClients(scope, tcpAddress(port), CLIENTS);
    await untilWaiting([one, CLIENTS], [all, 0], [dual, 0]);
    listeners.close('one');
    await connectClients(scope, tcpAddress(port), CLIENTS);
    await untilWaiting([all, CLIENTS], [dual, 0]);
  });

  await scope.test('a socket of the service manager is one for all, and stays open', async () => {
    const port = await freePort();
    const { listeners: manager } = openListeners(scope);
    const inode = manager.open(specOf('manager', tcpAddress(port)));
    const { listeners } = openListeners(scope, new Map([['web', manager.descriptor('manager')]]));
    const address: BindAddress = { type: 'systemd', name: 'web' };
    assert.equal(listeners.open(specOf('a', address)), inode);
    assert.equal(listeners.open(specOf('b', address)), inode);
    listeners.publish('b');
    listeners.refuse('a');
    listeners.close('a');
    await connectClients(scope, tcpAddress(port), 1);
    await untilWaiting([inode, 1]);
    assert.deepEqual(publicOnes(listeners), ['b']);
  });
});

/** Serves one connection after the other on descriptor 0. */
const ECHO = `
import socket
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    while data := connection.recv(100):
        connection.sendall(data)
    connection.close()
`;

/** Listens with SO_REUSEPORT, as any program of the same user may. */
const SHARES_PORT = `
import signal, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(('0.0.0.0', int(sys.argv[1])))
listener.listen()
signal.pause()
`;
