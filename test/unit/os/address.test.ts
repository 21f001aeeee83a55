/** Addresses, beside what the kernel itself says when two listeners are opened. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  collide,
  type Endpoint,
  endpoint,
  formatEndpoint,
  holderOf,
  isOwnAddress,
  mappedIPv4,
  probeUnixSocket,
} from '../../../src/os/address.ts';
import { listenUnix } from '../../../src/os/listener.ts';

/** Host and whether it takes IPv4 as well. */
type Host = readonly [host: string, dualStack: boolean];

const HOSTS: readonly Host[] = [
  ['0.0.0.0', false],
  ['127.0.0.1', false],
  ['127.0.0.2', false],
  ['::', true],
  ['::', false],
  ['::1', false],
  ['::ffff:127.0.0.1', true],
  ['::ffff:0.0.0.0', true],
];

const familyOf = (host: string): 4 | 6 => (host.includes(':') ? 6 : 4);
const at = ([host, dualStack]: Host, port: number): Endpoint =>
  endpoint(host, port, familyOf(host), dualStack);

/** @returns null when the kernel says that the address is in use */
async function open([host, dualStack]: Host, port: number): Promise<Server | null> {
  const server = createServer();
  server.listen({ host, port, ipv6Only: familyOf(host) === 6 && !dualStack });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}

async function close(server: Server | null): Promise<void> {
  if (server === null) return;
  server.close();
  await once(server, 'close');
}

const NO_IPV6 = existsSync('/proc/net/if_inet6') ? false : 'no IPv6 here';

void test('two addresses collide exactly where the kernel refuses the second', {
  skip: NO_IPV6,
}, async () => {
  for (const first of HOSTS) {
    for (const second of HOSTS) {
      const one = await open(first, 0);
      assert.ok(one !== null);
      const { port } = one.address() as AddressInfo;
      const other = await open(second, port);
      await close(other);
      await close(one);
      const name = `${first.join(' ')} and ${second.join(' ')}`;
      assert.equal(collide(at(first, port), at(second, port)), other === null, name);
      assert.equal(collide(at(first, port), at(second, port + 1)), false, 'another port');
    }
  }
});

void test('where it is not known whether a listener takes IPv4, it is taken to', () => {
  const unknown: Endpoint = { ...at(['::', false], 9000), v6Only: null };
  assert.equal(collide(unknown, at(['127.0.0.1', false], 9000)), true);
});

void test('an IPv4 address inside an IPv6 one', () => {
  assert.deepEqual(mappedIPv4(at(['::ffff:10.1.2.3', false], 1)), Buffer.from([10, 1, 2, 3]));
  for (const host of ['::1', '10.1.2.3', '64:ff9b::10.1.2.3'])
    assert.equal(mappedIPv4(at([host, false], 1)), null);
});

void test('endpoints as people write them', () => {
  assert.equal(formatEndpoint(at(['127.0.0.1', false], 9000)), '127.0.0.1:9000');
  assert.equal(formatEndpoint(at(['::', true], 80)), '[::]:80');
  assert.equal(formatEndpoint(at(['2001:db8:0:0::5', false], 80)), '[2001:db8::5]:80');
});

void test('addresses of this machine: all of 127.0.0.0/8, and not one of the documentation', () => {
  for (const host of ['127.0.0.1', '127.9.8.7', '0.0.0.0']) assert.equal(isOwnAddress(host), true, host);
  for (const host of ['198.51.100.7', '203.0.113.7']) assert.equal(isOwnAddress(host), false, host);
});

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fpm-ts-address-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function openUnix(path: string, backlog: number): number {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return listenUnix({ path, backlog, mode: 0o600, uid, gid }).descriptor;
}

void test('a socket file: listening, with a full queue too, then stale; nothing; and no socket at all', t => {
  const path = join(directory(t), 'x.sock');
  assert.equal(probeUnixSocket(path), 'missing');
  const descriptor = openUnix(path, 1);
  for (let i = 0; i < 10; i++) assert.equal(probeUnixSocket(path), 'listening');
  closeSync(descriptor);
  assert.equal(probeUnixSocket(path), 'stale');
  writeFileSync(`${path}.txt`, '');
  assert.equal(probeUnixSocket(`${path}.txt`), 'stale');
});

void test('who holds a socket: pid and program, and null for one that nobody has', t => {
  const path = join(directory(t), 'x.sock');
  const descriptor = openUnix(path, 1);
  const { ino } = fstatSync(descriptor);
  assert.equal(holderOf(ino)?.pid, process.pid);
  assert.equal(typeof holderOf(ino)?.program, 'string');
  closeSync(descriptor);
  assert.equal(holderOf(ino), null);
});
