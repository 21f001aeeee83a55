/** `listen.allowed_clients`: the kernel drops what others send, whatever the program would do. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { askPool } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { type Scope, suite } from '../lib/suite.ts';

/** A connection attempt from that source address, given up at the end of the suite at the latest. */
function connectFrom(scope: Scope, source: string, host: string, port: number): Socket {
  const socket = connect({ host, port, localAddress: source });
  scope.defer(() => void socket.destroy());
  return socket;
}

async function isLetIn(scope: Scope, port: number, source: string, host: string): Promise<void> {
  const socket = connectFrom(scope, source, host, port);
  await once(socket, 'connect', { signal: AbortSignal.timeout(10_000) });
  socket.destroy();
}

/** Nothing answers the first packet, so the kernel sends it again: then it was dropped and not merely slow. */
async function isKeptOut(scope: Scope, port: number, source: string, host: string): Promise<void> {
  const socket = connectFrom(scope, source, host, port);
  let event = 'nothing';
  for (const what of ['connect', 'error', 'close']) {
    socket.once(what, () => {
      event = what;
    });
  }
  await until(
    async () => {
      const { stdout } = await runCommand('ss', ['-Htno', 'state', 'syn-sent', 'dport', '=', `:${port}`]);
      const retransmissions = /timer:\(on,[^,]*,(\d+)\)/.exec(stdout)?.[1];
      return event !== 'nothing' || Number(retransmissions ?? 0) >= 1;
    },
    { what: 'a retransmission' },
  );
  assert.equal(event, 'nothing');
  socket.destroy();
}

suite('root/clients', { root: true, needs: ['gcc', 'libfcgi', 'php-cgi', 'ss'] }, async scope => {
  const hello = await helloPools(scope);
  const script = join(scope.dir, 'hello.php');
  writeFileSync(script, '<?php echo "hello from php";', { mode: 0o644 });
  const ports: Record<string, number> = {};
  const listeners: Readonly<Record<string, readonly [host: string, clients: readonly string[]]>> = {
    v4: ['127.0.0.1', ['127.0.0.1']],
    network: ['0.0.0.0', ['127.0.0.0/31', '10.0.0.0/8']],
    v6: ['[::1]', ['::1']],
    'v6-others': ['[::1]', ['2001:db8::/32', '127.0.0.1']],
    dual: ['[::]', ['127.0.0.1']],
    'dual-v6': ['[::]', ['::1/128']],
  };
  const pools: Record<string, string> = {};
  for (const [name, [host, clients]] of Object.entries(listeners)) {
    const port = await freePort();
    ports[name] = port;
    pools[name] = hello(name, { 'listen.address': `${host}:${port}`, 'listen.allowed_clients': clients });
  }
  const phpPort = await freePort();
  pools.php = poolText({
    command: ['/usr/bin/php-cgi'],
    'listen.address': `127.0.0.1:${phpPort}`,
    'listen.allowed_clients': ['192.0.2.1', '127.0.0.0/8'],
  });
  const daemon = await startDaemon(scope, { pools });

  const rows: readonly (readonly [pool: string, source: string, host: string, isLetIn: boolean])[] = [
    ['v4', '127.0.0.1', '127.0.0.1', true],
    ['v4', '127.0.0.2', '127.0.0.1', false],
    ['network', '127.0.0.1', '127.0.0.1', true],
    ['network', '127.0.0.2', '127.0.0.1', false],
    ['v6', '::1', '::1', true],
    ['v6-others', '::1', '::1', false],
    ['dual', '127.0.0.1', '127.0.0.1', true],
    ['dual', '127.0.0.2', '127.0.0.1', false],
    ['dual', '::1', '::1', false],
    ['dual-v6', '::1', '::1', true],
    ['dual-v6', '127.0.0.1', '127.0.0.1', false],
  ];
  for (const [pool, source, host, isAllowed] of rows) {
    const [bound, clients] = listeners[pool] ?? ['', []];
    const what = `${clients.join(', ')} on ${bound}: ${source} is ${isAllowed ? 'let in' : 'kept out'}`;
    await scope.test(what, () => (isAllowed ? isLetIn : isKeptOut)(scope, ports[pool] ?? 0, source, host));
  }

  await scope.test('who is let in is answered', async () => {
    for (const [pool, host] of [
      ['v4', '127.0.0.1'],
      ['network', '127.0.0.1'],
      ['v6', '::1'],
      ['dual', '127.0.0.1'],
    ] as const) {
      const answer = await askPool({ type: 'tcp', host, port: ports[pool] ?? 0 });
      assert.match(answer, /^hello from \d+\n$/, pool);
    }
  });

  await scope.test('php-cgi does not refuse the clients of a network', async () => {
    const address = { type: 'tcp', host: '127.0.0.1', port: phpPort } as const;
    assert.equal(await askPool(address, { script }), 'hello from php');
  });

  await scope.test(
    'a reload puts another list in its place, and an empty one lets everybody in',
    async () => {
      const rewrite = async (clients: readonly string[] | undefined): Promise<void> => {
        const address = { 'listen.address': `127.0.0.1:${ports.v4}` };
        const text = hello('v4', { ...address, 'listen.allowed_clients': clients });
        writeFileSync(join(daemon.poolsDir, 'v4.toml'), text);
        const reload = await daemon.cli('reload', 'v4');
        assert.equal(reload.code, 0, reload.stderr);
      };
      await rewrite(['127.0.0.2']);
      await isLetIn(scope, ports.v4 ?? 0, '127.0.0.2', '127.0.0.1');
      await isKeptOut(scope, ports.v4 ?? 0, '127.0.0.1', '127.0.0.1');
      await rewrite(undefined);
      await isLetIn(scope, ports.v4 ?? 0, '127.0.0.1', '127.0.0.1');
      await isLetIn(scope, ports.v4 ?? 0, '127.0.0.3', '127.0.0.1');
    },
  );
});

suite('root/clients-given', { root: true, needs: ['gcc', 'libfcgi', 'ss'] }, async scope => {
  const hello = await helloPools(scope);
  const port = await freePort();
  const launcher = ['/usr/bin/perl', placeFixture(scope, 'perl/listen-and-exec.pl'), `web=127.0.0.1:${port}`];
  const given = (clients?: readonly string[]): string =>
    hello('www', { 'listen.address': 'systemd:web', 'listen.allowed_clients': clients });
  const daemon = await startDaemon(scope, {
    program: [...launcher, '--', process.execPath, MAIN],
    pools: { www: given(['127.0.0.2']) },
  });

  async function reloadWith(clients?: readonly string[]): Promise<void> {
    writeFileSync(join(daemon.poolsDir, 'www.toml'), given(clients));
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
  }

  await scope.test('a socket that a service manager gave us', async () => {
    await isLetIn(scope, port, '127.0.0.2', '127.0.0.1');
    await isKeptOut(scope, port, '127.0.0.1', '127.0.0.1');
  });

  await scope.test('gets the list of a reload as well', async () => {
    await reloadWith(['127.0.0.3']);
    await isLetIn(scope, port, '127.0.0.3', '127.0.0.1');
    await isKeptOut(scope, port, '127.0.0.2', '127.0.0.1');
    await reloadWith();
    await isLetIn(scope, port, '127.0.0.1', '127.0.0.1');
  });
});
