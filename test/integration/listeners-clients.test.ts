/** `listen.allowed_clients`: the kernel drops what others send, whatever the program would do. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { askPool } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { suite } from '../lib/suite.ts';

suite('integration/listeners-clients', { needs: ['gcc', 'libfcgi', 'php-cgi', 'ss'] }, async scope => {
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

  function connectFrom(localAddress: string, host: string, port: number): Socket {
    const socket = connect({ host, port, localAddress });
    scope.defer(() => void socket.destroy());
    return socket;
  }

  async function isLetIn(name: string, source: string, host: string): Promise<void> {
    const socket = connectFrom(source, host, ports[name] ?? 0);
    await once(socket, 'connect');
    socket.destroy();
  }

  /** Nothing answers the first packet, so the kernel sends it again: then it was dropped and not merely slow. */
  async function isKeptOut(name: string, source: string, host: string): Promise<void> {
    const port = ports[name] ?? 0;
    const socket = connectFrom(source, host, port);
    let event = 'nothing';
    for (const what of ['connect', 'error', 'close'] as const) socket.once(what, () => (event = what));
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
    await scope.test(what, () => (isAllowed ? isLetIn : isKeptOut)(pool, source, host));
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
      await isLetIn('v4', '127.0.0.2', '127.0.0.1');
      await isKeptOut('v4', '127.0.0.1', '127.0.0.1');
      await rewrite(undefined);
      await isLetIn('v4', '127.0.0.1', '127.0.0.1');
      await isLetIn('v4', '127.0.0.3', '127.0.0.1');
    },
  );
});
