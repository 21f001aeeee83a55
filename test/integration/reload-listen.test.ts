/** A reload with another listener: the new address is there before the old one goes; the same socket changes as it is. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, type PoolKeys } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { readStat } from '../lib/processes.ts';
import { sampleDuring } from '../lib/sample.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;

/** A connection, if one can be had at once. Its later errors are of no interest. */
async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  socket.on('error', () => {});
  return await new Promise(resolve => {
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(undefined));
  });
}

/** Whether somebody listens there; the connection is closed again. */
async function isReached(path: string): Promise<boolean> {
  const socket = await connected(path);
  socket?.destroy();
  return socket !== undefined;
}

/** How many connections there can be, of up to twenty, until the kernel takes no more. */
async function countConnections(path: string): Promise<number> {
  const sockets: Socket[] = [];
  while (sockets.length < 20) {
    const socket = await connected(path);
    if (socket === undefined) break;
    sockets.push(socket);
  }
  for (const socket of sockets) socket.destroy();
  return sockets.length;
}

/** Whether the kernel has a connection from this address to that port that is still being asked for (proc(5)). */
function isWaiting(from: string, port: number): boolean {
  const hex = from
    .split('.')
    .reverse()
    .map(part => Number(part).toString(16).padStart(2, '0'))
    .join('');
  const target = `:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .some(
      ([, local, remote, state]) =>
        local?.startsWith(hex.toUpperCase()) === true && remote?.endsWith(target) === true && state === '02',
    );
}

suite('integration/reload-listen', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    expectedLog: [/code 3|reload failed|did not come up|listen queue is full/],
  });
  const path = join(daemon.runDir, 'www.sock');

  async function reload(keys: PoolKeys): Promise<void> {
    writeFileSync(join(daemon.poolsDir, 'www.toml'), hello('www', keys));
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 0, stderr);
    await daemon.statusWhen('only new workers to be left', it => poolOf(it, 'www').workers.total === 2);
  }

  await scope.test(
    'another address: at any time one of the two answers; then the old one is gone',
    async () => {
      const next = join(daemon.runDir, 'next.sock');
      const look = async (): Promise<boolean> => (await isReached(next)) || (await isReached(path));
      const { seen } = await sampleDuring(reload({ 'listen.address': next }), look);
      assert.ok(seen.length > 0 && !seen.includes(false));
      assert.equal(existsSync(path), false);
      assert.equal(poolOf(await daemon.status(), 'www').listen.address, next);
      assert.equal((await daemon.cli('request', 'www', '/')).code, 0);
      await reload({});
      assert.equal(existsSync(next), false);
      assert.equal((await daemon.cli('request', 'www', '/')).code, 0);
    },
  );

  await scope.test('from a path to TCP and back', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await reload({ 'listen.address': address });
    assert.equal(existsSync(path), false);
    await reload({ 'listen.address': address, umask: '0077' }); // the same listener once more
    assert.equal((await daemon.cli('request', 'www', '/')).code, 0);
    await reload({});
    assert.equal((await daemon.cli('request', 'www', '/')).code, 0);
  });

  await scope.test(
    'mode and, as root, owner: on a new socket in the place of the old one, which is never away',
    async () => {
      const before = lstatSync(path);
      const owner: PoolKeys = IS_ROOT ? { 'listen.owner': 'nobody', 'listen.group': 'games' } : {};
      const { seen } = await sampleDuring(reload({ 'listen.mode': '0600', ...owner }), () => isReached(path));
      assert.ok(seen.length > 0 && !seen.includes(false));
      const after = lstatSync(path);
      assert.notEqual(after.ino, before.ino);
      assert.equal(after.mode & 0o777, 0o600);
      if (IS_ROOT) assert.notEqual(after.uid, before.uid);
      if (IS_ROOT) assert.notEqual(after.gid, before.gid);
      await reload({});
      const { mode, uid, gid } = lstatSync(path);
      assert.deepEqual([mode, uid, gid], [before.mode, before.uid, before.gid]);
    },
  );

  await scope.test('a reload that is cancelled leaves mode and owner as they were', async () => {
    const before = lstatSync(path);
    const keys = { 'listen.mode': '0600', command: ['/bin/sh', '-c', 'exit 3'] };
    writeFileSync(join(daemon.poolsDir, 'www.toml'), hello('www', keys));
    assert.equal((await daemon.cli('reload')).code, 1);
    const after = await until(
      () => {
        const now = lstatSync(path);
        return now.mode === before.mode ? now : undefined;
      },
      { what: 'the mode to be what it was' },
    );
    assert.equal(after.ino, before.ino);
    await reload({});
  });

  await scope.test('the backlog: so many connections wait for workers that accept none', async () => {
    for (const backlog of [3, 6]) {
      await reload({ 'listen.backlog': backlog });
      const pids = workerPids(await daemon.status(), 'www');
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await until(() => pids.every(pid => readStat(pid)?.state === 'T'), {
        what: 'the workers to stand still',
      });
      try {
        // listen(2) lets one more wait than it is told.
        assert.equal(await countConnections(path), backlog + 1);
      } finally {
        for (const pid of pids) process.kill(pid, 'SIGCONT');
      }
    }
    await reload({});
  });
});

// Some kernels let only root attach a filter.
suite('integration/reload-clients', { needs: NEEDS, root: true }, async scope => {
  const hello = await helloPools(scope);
  const port = await freePort();
  const pool = (clients?: readonly string[]): string =>
    hello('www', { 'listen.address': `127.0.0.1:${port}`, 'listen.allowed_clients': clients });
  const daemon = await startDaemon(scope, { pools: { www: pool() } });
  const reload = async (clients?: readonly string[]): Promise<void> => {
    writeFileSync(join(daemon.poolsDir, 'www.toml'), pool(clients));
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 0, stderr);
  };
  const reach = (localAddress: string): Socket => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => {});
    scope.defer(() => {
      socket.destroy();
    });
    return socket;
  };

  await scope.test(
    'the kernel lets through whom the last reload named, and all when it named nobody',
    async () => {
      for (const [allowed, refused] of [
        ['127.0.0.2', '127.0.0.3'],
        ['127.0.0.3', '127.0.0.2'],
      ] as const) {
        await reload([allowed]);
        const stranger = reach(refused);
        const friend = reach(allowed);
        await once(friend, 'connect');
        // It began first, and would have been connected first.
        assert.equal(stranger.readyState, 'opening');
        assert.ok(isWaiting(refused, port));
        stranger.destroy();
        friend.destroy();
      }
      await reload();
      for (const source of ['127.0.0.2', '127.0.0.3']) {
        const socket = reach(source);
        await once(socket, 'connect');
        socket.destroy();
      }
    },
  );
});
