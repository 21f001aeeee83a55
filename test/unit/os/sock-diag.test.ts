/** The kernel's socket tables, with listeners of our own in them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listenUnix } from '../../../src/os/listener.ts';
import { NetlinkRefused, netlinkDump } from '../../../src/os/netlink.ts';
import { socketFile, tcpListeners, unixListeners } from '../../../src/os/sock-diag.ts';

const NO_IPV6 = existsSync('/proc/net/if_inet6') ? false : 'no IPv6 here';

async function listen(t: TestContext, options: ListenOptions): Promise<number> {
  const server = createServer();
  t.after(() => server.close());
  server.listen(options);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function openUnix(t: TestContext, backlog: number): Promise<{ path: string; descriptor: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-diag-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'x.sock');
  const { uid, gid } = lstatSync(directory);
  const { descriptor } = listenUnix({ path, backlog, mode: 0o600, uid, gid });
  t.after(() => closeSync(descriptor));
  return { path, descriptor };
}

void test('an IPv4 listener: address, port, owner, inode and room in its queue', async t => {
  const port = await listen(t, { host: '127.0.0.1', port: 0, backlog: 9 });
  const rows = tcpListeners().filter(row => row.port === port && row.family === 4);
  assert.equal(rows.length, 1);
  const [row] = rows;
  assert.deepEqual(row?.address, Buffer.from([127, 0, 0, 1]));
  assert.equal(row?.uid, process.geteuid?.());
  assert.equal(row?.queueLimit, 9);
  assert.equal(row?.queueLength, 0);
  assert.ok((row?.inode ?? 0) > 0);
});

void test('IPv6 listeners: with and without IPv4', { skip: NO_IPV6 }, async t => {
  const only = await listen(t, { host: '::', port: 0, ipv6Only: true });
  const dual = await listen(t, { host: '::', port: 0 });
  const row = (port: number) => tcpListeners().find(it => it.port === port && it.family === 6);
  assert.equal(row(only)?.v6Only, true);
  assert.equal(row(dual)?.v6Only, false);
  assert.deepEqual(row(dual)?.address, Buffer.alloc(16));
});

void test('a listener that was closed is not in the table', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  assert.equal(
    tcpListeners().some(row => row.port === port),
    false,
  );
});

void test('a Unix listener is known by its file, after a rename too, and shows who waits', async t => {
  const { path, descriptor } = await openUnix(t, 7);
  const renamed = `${path}.2`;
  renameSync(path, renamed);
  const clients = [1, 2, 3].map(() => connect(renamed));
  t.after(() => clients.forEach(client => void client.destroy()));
  await Promise.all(clients.map(client => once(client, 'connect')));
  const file = socketFile(lstatSync(renamed, { bigint: true }));
  const rows = unixListeners().filter(
    row => row.file?.inode === file.inode && row.file.device === file.device,
  );
  assert.deepEqual(
    rows.map(({ inode, queueLength, queueLimit }) => ({ inode, queueLength, queueLimit })),
    [{ inode: fstatSync(descriptor).ino, queueLength: 3, queueLimit: 7 }],
  );
  assert.ok(rows[0]?.name.startsWith(path), rows[0]?.name);
});

void test('an abstract name begins with a NUL and has no file', async t => {
  const name = `\0fpm-ts-test-${process.pid}`;
  const server = createServer().listen(name);
  t.after(() => server.close());
  await once(server, 'listening');
  const row = unixListeners().find(it => it.name.startsWith(name));
  assert.equal(row?.file, null);
});

void test('many listeners, more than one piece of the answer, are all there', async t => {
  const ports = await Promise.all(
    Array.from({ length: 500 }, () => listen(t, { host: '127.0.0.1', port: 0 })),
  );
  const seen = new Set(tcpListeners().map(row => row.port));
  assert.deepEqual(
    ports.filter(port => !seen.has(port)),
    [],
  );
});

void test('devices in the kernel encoding: major << 20 | minor, with more than 8 bits of each', () => {
  // makedev(0x123, 0x45678) of glibc
  const dev = (0x123n << 8n) | 0x78n | (0x456n << 20n);
  assert.deepEqual(socketFile({ dev, ino: 2n ** 32n + 5n }), { device: (0x123 << 20) | 0x45678, inode: 5 });
});

void test('what the kernel does not know is refused with its reason', () => {
  assert.throws(() => netlinkDump(31, 20, Buffer.alloc(24), () => {}), NetlinkRefused);
  const unknownType = (): unknown => netlinkDump(4, 99, Buffer.alloc(24), () => {});
  assert.throws(
    unknownType,
    (error: unknown) => error instanceof NetlinkRefused && /EINVAL/.test(error.message),
  );
});
