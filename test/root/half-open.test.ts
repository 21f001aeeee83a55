/**
 * A TCP handshake that is half open when one listener takes over from another, in a network namespace of
 * its own, where net.ipv4.tcp_migrate_req can be set.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { lookAtSockets } from '../../src/observe/sockets.ts';
import { ACCEPT, attachProgram, DROP, instruction, RETURN } from '../../src/os/bpf.ts';
import { declare, must } from '../../src/os/libc.ts';
import { setAllowedClients } from '../../src/os/tcp-listener.ts';
import { runCommand } from '../lib/command.ts';
import { openListeners, runWith, specOf, tcpAddress, untilWaiting, waitingAt } from '../lib/listeners.ts';
import { until } from '../lib/poll.ts';
import { freePort } from '../lib/ports.ts';
import { type Scope, suite } from '../lib/suite.ts';

const unshare = declare('int unshare(int)');
const CLONE_NEWNET = 0x40000000;

/** Answers each connection with a name. */
const NAMES_ITSELF = `
import socket, sys
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(sys.argv[1].encode())
    connection.close()
`;

/** The last packet of a handshake does not arrive: the client is connected, the listener has it half open. */
function loseAcknowledgements(descriptor: number): void {
  attachProgram(descriptor, { name: 'SO_ATTACH_FILTER', number: 26 }, [
    instruction(0x30, 13), // BPF_LD | BPF_B | BPF_ABS: the flags of TCP
    instruction(0x45, 0x10, 0, 1), // BPF_JMP | BPF_JSET: ACK
    instruction(RETURN, DROP),
    instruction(RETURN, ACCEPT),
  ]);
}

async function connectClient(scope: Scope, port: number): Promise<Socket> {
  const client = connect(port, '127.0.0.1');
  scope.defer(() => void client.destroy());
  await once(client, 'connect');
  return client;
}

suite('root/half-open', { root: true, needs: ['python3', 'ip'] }, async scope => {
  // Of this thread alone, which makes all sockets and children of the test.
  must(unshare(CLONE_NEWNET), 'unshare');
  const { code, stderr } = await runCommand('ip', ['link', 'set', 'lo', 'up']);
  assert.equal(code, 0, stderr);
  const migrate = (on: boolean): void => writeFileSync('/proc/sys/net/ipv4/tcp_migrate_req', on ? '1' : '0');
  const halfOpenAt = (inode: number): number | undefined =>
    lookAtSockets([{ inode, withConnections: true }]).get(inode)?.halfOpen.size;

  /** Two generations, the second public, and a client whose handshake with the first has not ended. */
  async function swap() {
    const { listeners } = openListeners(scope);
    const port = await freePort();
    const first = listeners.open(specOf('a', tcpAddress(port)));
    loseAcknowledgements(listeners.descriptor('a'));
    const client = await connectClient(scope, port);
    await until(() => halfOpenAt(first) === 1, { what: 'the handshake to be half open' });
    const second = listeners.open(specOf('b', tcpAddress(port)));
    listeners.publish('b');
    assert.equal(halfOpenAt(first), 1, 'seen from either, as nobody can tell whose it is');
    assert.equal(halfOpenAt(second), 1);
    const serve = (id: string): number =>
      runWith(scope, listeners.descriptor(id), ['/usr/bin/python3', '-c', NAMES_ITSELF, id]);
    return { listeners, first, second, client, serve };
  }

  for (const migrates of [false, true]) {
    await scope.test(
      `tcp_migrate_req ${Number(migrates)}: it ends in the old queue, where its worker is still wanted`,
      async () => {
        migrate(migrates);
        const { listeners, first, second, client, serve } = await swap();
        setAllowedClients(listeners.descriptor('a'), []); // nothing is lost any more
        client.write('hello');
        await untilWaiting([first, 1], [second, 0]);
        serve('a');
        assert.equal(String((await once(client, 'data'))[0]), 'a');
      },
    );
  }

  await scope.test(
    'tcp_migrate_req 0: shut down before it ended, the client is reset: that is why a drain waits for it',
    async () => {
      migrate(false);
      const { listeners, first, client } = await swap();
      listeners.close('a');
      assert.equal(waitingAt(first), undefined);
      const failed = once(client, 'error') as Promise<[NodeJS.ErrnoException]>;
      client.write('hello');
      assert.equal((await failed)[0].code, 'ECONNRESET');
    },
  );

  await scope.test('tcp_migrate_req 1: shut down before it ended, the new generation serves it', async () => {
    migrate(true);
    const { listeners, second, client, serve } = await swap();
    listeners.close('a');
    client.write('hello');
    await untilWaiting([second, 1]);
    serve('b');
    assert.equal(String((await once(client, 'data'))[0]), 'b');
  });

  await scope.test('tcp_migrate_req 1: what waits in the old queue moves as well', async () => {
    migrate(true);
    const { listeners, first, second, client, serve } = await swap();
    setAllowedClients(listeners.descriptor('a'), []);
    client.write('hello');
    await untilWaiting([first, 1], [second, 0]);
    listeners.close('a');
    await untilWaiting([second, 1]);
    serve('b');
    assert.equal(String((await once(client, 'data'))[0]), 'b');
  });

  await scope.test('refused on the way: a handshake that is half open ends, and is served', async () => {
    migrate(false);
    const { listeners } = openListeners(scope);
    const port = await freePort();
    const inode = listeners.open(specOf('a', tcpAddress(port)));
    loseAcknowledgements(listeners.descriptor('a'));
    const client = await connectClient(scope, port);
    await until(() => halfOpenAt(inode) === 1, { what: 'the handshake to be half open' });
    listeners.refuse('a');
    client.write('hello');
    await untilWaiting([inode, 1]);
    runWith(scope, listeners.descriptor('a'), ['/usr/bin/python3', '-c', NAMES_ITSELF, 'a']);
    assert.equal(String((await once(client, 'data'))[0]), 'a');
  });
});
