/** What lookAtSockets sees, beside what is true: a known number of connections in every state, on every kind of socket. */
import assert from 'node:assert/strict';
import { existsSync, renameSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type ListenerLoad, lookAtSockets } from '../../src/observe/sockets.ts';
import { type Acceptor, type AcceptorKind, connectTo, startAcceptor } from '../lib/acceptor.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { type Scope, suite } from '../lib/suite.ts';

interface Kind {
  readonly name: string;
  readonly kind: AcceptorKind;
  readonly address: string;
  /** Where clients connect; several: in turn. */
  readonly hosts: readonly string[];
}

const NO_IPV6 = !existsSync('/proc/net/if_inet6');

function kinds(scope: Scope): readonly Kind[] {
  const v6: readonly Kind[] = [
    { name: 'IPv6', kind: 'tcp-v6only', address: '::1', hosts: ['::1'] },
    { name: 'IPv6, every address', kind: 'tcp-v6only', address: '::', hosts: ['::1'] },
    { name: 'IPv6 and IPv4', kind: 'tcp', address: '::', hosts: ['::1', '127.0.0.1', '127.0.0.2'] },
    { name: 'IPv4 as IPv6 writes it', kind: 'tcp', address: '::ffff:127.0.0.1', hosts: ['127.0.0.1'] },
  ];
  return [
    { name: 'Unix', kind: 'unix', address: join(scope.dir, 'x.sock'), hosts: [] },
    { name: 'IPv4', kind: 'tcp', address: '127.0.0.1', hosts: ['127.0.0.1'] },
    { name: 'IPv4, every address', kind: 'tcp', address: '0.0.0.0', hosts: ['127.0.0.1', '127.0.0.2'] },
    ...(NO_IPV6 ? [] : v6),
  ];
}

function look(inode: number): ListenerLoad {
  const load = lookAtSockets([{ inode, withConnections: true }]).get(inode);
  assert.ok(load);
  return load;
}

function sorted(inodes: Iterable<number> | null): number[] {
  return [...(inodes ?? [])].sort((a, b) => a - b);
}

async function sees(acceptor: Acceptor, waiting: number, accepted: readonly number[]): Promise<void> {
  const matches = (): boolean => {
    const load = look(acceptor.inode);
    return load.waiting === waiting && String(sorted(load.accepted)) === String(sorted(accepted));
  };
  // TCP's handshakes and ends take their way through the network stack, after the call has returned.
  await until(matches, {
    what: `${waiting} waiting, accepted ${sorted(accepted).join(' ')}`,
    explain: () =>
      JSON.stringify({ ...look(acceptor.inode), accepted: sorted(look(acceptor.inode).accepted) }),
  });
}

suite('integration/observe-sockets', { needs: ['gcc'] }, async scope => {
  for (const { name, kind, address, hosts } of kinds(scope)) {
    await scope.test(`${name}: waiting, accepted, half-closed by either side, abandoned`, async () => {
      const place = openInner(scope, name.replaceAll(/\W/g, '-'));
      const acceptor = await startAcceptor(place, kind, address);
      const isTcp = hosts.length > 0;
      const clients: Socket[] = [];
      for (let i = 0; i < 7; i++) {
        const host = hosts[i % hosts.length] ?? '';
        clients.push(await connectTo(place, isTcp ? { host, port: acceptor.port } : { path: address }));
      }
      await sees(acceptor, 7, []);
      assert.equal(look(acceptor.inode).limit, 20);
      const accepted = [];
      for (let i = 0; i < 5; i++) accepted.push(await acceptor.accept());
      await sees(acceptor, 2, accepted);
      const [byClient, byWorker, , closed, reset] = accepted.map((inode, i) => ({
        inode,
        client: clients[i],
      }));
      byClient?.client?.end();
      await acceptor.finish(byWorker?.inode ?? 0);
      await sees(acceptor, 2, accepted);
      await acceptor.close(closed?.inode ?? 0);
      await sees(
        acceptor,
        2,
        accepted.filter(it => it !== closed?.inode),
      );
      // Of one that was reset the kernel's TCP table knows no more; a Unix one stays until its worker closes it.
      if (isTcp) reset?.client?.resetAndDestroy();
      else reset?.client?.destroy();
      const stay = accepted.filter(it => it !== closed?.inode && (!isTcp || it !== reset?.inode));
      await sees(acceptor, 2, stay);
      // A client that gives up waiting is still in the queue, until somebody accepts it.
      clients[6]?.end();
      await sees(acceptor, 2, stay);
      const last = await acceptor.fork();
      await sees(acceptor, 1, [...stay, last]);
      await place.close();
    });
  }

  await scope.test('an abstract Unix socket, as a service manager may pass one', async () => {
    const acceptor = await startAcceptor(scope, 'abstract', `fpm-ts-test-${process.pid}`);
    const clients = [await acceptor.dial(), await acceptor.dial(), await acceptor.dial()];
    await sees(acceptor, 3, []);
    const accepted = [await acceptor.accept(), await acceptor.accept()];
    await sees(acceptor, 1, accepted);
    await acceptor.finish(accepted[0] ?? 0);
    await acceptor.close(clients[1] ?? 0);
    await sees(acceptor, 1, accepted);
    await acceptor.close(accepted[1] ?? 0);
    await sees(acceptor, 1, accepted.slice(0, 1));
  });

  await scope.test('generations on one path, renamed and removed, are told apart', async () => {
    const path = join(scope.dir, 'generations.sock');
    const generations: { acceptor: Acceptor; accepted: number[] }[] = [];
    for (let i = 0; i < 3; i++) {
      const acceptor = await startAcceptor(scope, 'unix', `${path}.new`);
      renameSync(`${path}.new`, path);
      for (let client = 0; client < 3; client++) await connectTo(scope, { path });
      generations.push({ acceptor, accepted: [await acceptor.accept()] });
    }
    unlinkSync(path);
    for (const { acceptor, accepted } of generations) await sees(acceptor, 2, accepted);
  });

  await scope.test(
    'a name that forges rows, and a socket on the same path of somebody else, change nothing',
    async () => {
      const path = join(scope.dir, 'forged.sock');
      const acceptor = await startAcceptor(scope, 'unix', path);
      await connectTo(scope, { path });
      const accepted = [await acceptor.accept()];
      // What /proc/net/unix shows of the first looks like a connection that was accepted there, and one that waits.
      const row = `0000000000000000: 00000003 00000000 00000000 0001 03 4711 ${path}`;
      const forger = await startAcceptor(scope, 'abstract', `\u00a0\n${row}`.slice(0, 100));
      await forger.dial();
      await forger.accept();
      unlinkSync(path);
      const other = await startAcceptor(scope, 'unix', path);
      await connectTo(scope, { path });
      await connectTo(scope, { path });
      const others = [await other.accept()];
      await sees(acceptor, 0, accepted);
      await sees(other, 1, others);
    },
  );

  await scope.test('handshakes that are half open', async () => {
    for (const [kind, address, hosts] of [
      ['tcp', '127.0.0.1', ['127.0.0.1']],
      ...(NO_IPV6 ? [] : [['tcp', '::', ['::1', '127.0.0.1']] as const]),
    ] as const) {
      const acceptor = await startAcceptor(scope, kind, address);
      for (const host of hosts) await acceptor.beginHandshake(host);
      await connectTo(scope, { host: '127.0.0.1', port: acceptor.port });
      await sees(acceptor, 1, []);
      const { halfOpen } = look(acceptor.inode);
      assert.equal(halfOpen.size, hosts.length, [...halfOpen].join(' '));
      if (address === '127.0.0.1') assert.match([...halfOpen].join(), /^127\.0\.0\.1:\d+$/);
    }
  });

  await scope.test('many in one look: each its own, and what is not asked is not told', async () => {
    const unix = await startAcceptor(scope, 'unix', join(scope.dir, 'many.sock'));
    const [one, two] = [
      await startAcceptor(scope, 'tcp', '127.0.0.1'),
      await startAcceptor(scope, 'tcp', '0.0.0.0'),
    ];
    await connectTo(scope, { path: join(scope.dir, 'many.sock') });
    for (const { port } of [one, two, two]) await connectTo(scope, { host: '127.0.0.1', port });
    const accepted = [await one.accept()];
    await sees(two, 2, []);
    const loads = lookAtSockets([
      { inode: unix.inode, withConnections: false },
      { inode: one.inode, withConnections: true },
      { inode: two.inode, withConnections: true },
      { inode: 1, withConnections: true },
    ]);
    assert.deepEqual(sorted(loads.keys()), sorted([unix.inode, one.inode, two.inode]));
    assert.equal(loads.get(unix.inode)?.accepted, null);
    assert.equal(loads.get(unix.inode)?.waiting, 1);
    assert.deepEqual(sorted(loads.get(one.inode)?.accepted ?? null), accepted);
    assert.deepEqual(sorted(loads.get(two.inode)?.accepted ?? null), []);
  });
});
