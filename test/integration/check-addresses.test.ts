/** TCP addresses and those of systemd: taken by others, by other pools, not ours, not permitted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type ListenOptions } from 'node:net';
import { type TestContext, test } from 'node:test';
import { declare, must } from '../../src/os/libc.ts';
import { inetAddress } from '../../src/os/sockaddr.ts';
import { ordinarySelf } from '../lib/ordinary-self.ts';
import { freePort } from '../lib/ports.ts';
import { assertFound, assertNothingFound, checkTree, pool } from './check-tree.ts';

const NO_IPV6 = existsSync('/proc/net/if_inet6') ? false : 'no IPv6 here';
const at = (address: string | number): string => pool({ 'listen.address': address });
const ours = { key: 'listen.address' };

async function listen(t: TestContext, options: ListenOptions): Promise<number> {
  const server = createServer();
  t.after(() => server.close());
  server.listen(options);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

void test('an address that another process holds, named with its pid', async t => {
  const tree = checkTree(t);
  const port = await listen(t, { host: '127.0.0.1', port: 0 });
  const result = await tree.check({ www: at(`127.0.0.1:${port}`) });
  const message = new RegExp(
    `127.0.0.1:${port} is taken: .+ \\(pid ${process.pid}\\) listens on 127.0.0.1:${port}$`,
  );
  assertFound(tree, result, { ...ours, message });
  assertNothingFound(await tree.check({ www: at(`127.0.0.2:${port}`) }));
});

void test('one of all addresses takes each of them, and the other way round', { skip: NO_IPV6 }, async t => {
  const tree = checkTree(t);
  const all = await listen(t, { host: '0.0.0.0', port: 0 });
  assertFound(tree, await tree.check({ www: at(`127.0.0.1:${all}`) }), {
    ...ours,
    message: /on 0\.0\.0\.0:/,
  });
  assertFound(tree, await tree.check({ www: at(all) }), { ...ours, message: /on 0\.0\.0\.0:/ });
  const one = await listen(t, { host: '127.0.0.1', port: 0 });
  assertFound(tree, await tree.check({ www: at(`[::]:${one}`) }), { ...ours, message: /on 127\.0\.0\.1:/ });
  const only6 = await listen(t, { host: '::', port: 0, ipv6Only: true });
  assertNothingFound(await tree.check({ www: at(`127.0.0.1:${only6}`) }));
  assertFound(tree, await tree.check({ www: at(`[::1]:${only6}`) }), { ...ours, message: /on \[::\]:/ });
});

void test('a listener with SO_REUSEPORT on [::], beside which the kernel would let us in', {
  skip: NO_IPV6,
}, async t => {
  const tree = checkTree(t);
  const port = await freePort();
  const first = reusePortListener(port);
  t.after(() => close(first));
  close(reusePortListener(port)); // the kernel does
  for (const address of [`127.0.0.1:${port}`, `[::1]:${port}`, port]) {
    assertFound(tree, await tree.check({ www: at(address) }), {
      ...ours,
      message: /is taken: .+ on \[::\]:/,
    });
  }
});

const socket = declare('int socket(int, int, int)');
const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');
const bind = declare('int bind(int, void*, uint32_t)');
const listenCall = declare('int listen(int, int)');
const close = declare('int close(int)');

function reusePortListener(port: number): number {
  const { family, bytes } = inetAddress('::', port);
  const descriptor = must(socket(family, 1 | 0o2000000, 0), 'socket');
  must(setsockopt(descriptor, 1, 15, Buffer.from([1, 0, 0, 0]), 4), 'setsockopt SO_REUSEPORT');
  must(bind(descriptor, bytes, bytes.length), 'bind');
  must(listenCall(descriptor, 5), 'listen');
  return descriptor;
}

void test('what the running supervisor itself holds is not taken, however a pool says it', async t => {
  const tree = checkTree(t);
  const port = await listen(t, { host: '127.0.0.1', port: 0 });
  const address = `127.0.0.1:${port}`;
  assertNothingFound(await tree.check({ www: at(address) }, '', { ownAddresses: new Set([address]) }));
});

void test('an address of another machine', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: at('198.51.100.7:9000') });
  assertFound(tree, result, { ...ours, message: /198\.51\.100\.7 is not an address of this machine/ });
});

void test('an IPv4 address written as IPv6', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: at('[::ffff:127.0.0.1]:9000') });
  assertFound(tree, result, { ...ours, message: /is an IPv4 address/ });
  assert.equal(result.problems[0]?.remedy, 'write "127.0.0.1:9000"');
});

void test('a port below the unprivileged ones, for somebody without the right', async t => {
  const tree = checkTree(t);
  const start = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  const self = { ...ordinarySelf(process.geteuid?.() ?? 0, process.getegid?.() ?? 0), overrides: true };
  const check = (port: number, capabilities: readonly 'net_bind_service'[]) =>
    tree.check({ www: at(`127.0.0.3:${port}`) }, '', {
      self: { ...self, capabilities: new Set(capabilities) },
    });
  const refused = await check(79, []);
  if (start > 79)
    assertFound(tree, refused, { ...ours, message: /port 79 is below \d+ and needs CAP_NET_BIND/ });
  else assertNothingFound(refused);
  assertNothingFound(await check(79, ['net_bind_service']));
  assertNothingFound(await check(Math.max(start, 1), []));
});

void test('two pools that want the same: the later one is told where the other says it', async t => {
  const tree = checkTree(t);
  const port = await freePort();
  mkdirSync(`${tree.dir}/real`);
  symlinkSync('real', `${tree.dir}/link`);
  const pairs: [string | number, string | number][] = [
    [`${tree.dir}/x.sock`, `${tree.dir}/x.sock`],
    [`${tree.dir}/real/x.sock`, `${tree.dir}/link/x.sock`],
    [`127.0.0.1:${port}`, `127.0.0.1:${port}`],
    [`127.0.0.1:${port}`, `0.0.0.0:${port}`],
    [port, `127.0.0.1:${port}`],
    ['systemd:web', 'systemd:web'],
  ];
  const options = { inheritedSockets: new Set(['web']) };
  for (const [one, two] of pairs) {
    const result = await tree.check({ api: at(one), www: at(two) }, '', options);
    assertFound(tree, result, { ...ours, message: /is also pool api's \(.*api\.toml:2\)/ });
  }
  const apart = { api: at(`127.0.0.1:${port}`), www: at(`127.0.0.2:${port}`) };
  assertNothingFound(await tree.check(apart));
  const disabled = { api: `${at(`${tree.dir}/x.sock`)}enabled = false\n`, www: at(`${tree.dir}/x.sock`) };
  const result = await tree.check(disabled);
  assertNothingFound(result);
  assert.deepEqual(result.untested, [{ what: 'pool api: all of it', why: 'enabled = false' }]);
});

void test('a socket of systemd: passed, not passed, and not to be known', async t => {
  const tree = checkTree(t);
  const www = at('systemd:web');
  assertNothingFound(await tree.check({ www }, '', { inheritedSockets: new Set(['web']) }));
  const missing = await tree.check({ www }, '', { inheritedSockets: new Set(['other']) });
  assertFound(tree, missing, { ...ours, message: /no socket named web; it passed: other/ });
  const outside = await tree.check({ www });
  assertNothingFound(outside);
  assert.equal(outside.untested[0]?.what, 'pool www: listen.address');
});
