/** The sockets that pools listen on: every kind of address, what the kernel says of them, and what we leave alone. */
import assert from 'node:assert/strict';
import { closeSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { listenUnix } from '../../src/os/listener.ts';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools, scriptPool, socketOf } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const HELLO = /^hello from \d+\n$/;

/** A socket of somebody else at that path, until the end of the suite. */
async function occupy(scope: Scope, path: string): Promise<{ close: () => Promise<void> }> {
  const server = createServer(connection => connection.destroy());
  await new Promise<void>(resolve => server.listen(path, resolve));
  const close = (): Promise<void> => new Promise(resolve => server.close(() => resolve()));
  scope.defer(async () => {
    if (server.listening) await close();
  });
  return { close };
}

suite('integration/listeners', { needs: ['gcc', 'libfcgi', 'ss'] }, async scope => {
  const hello = await helloPools(scope);
  const ports = {
    v4: await freePort(),
    v6: await freePort(),
    dual: await freePort(),
    bare: await freePort(),
  };
  const daemon = await startDaemon(scope, {
    pools: {
      unix: hello('unix', { 'listen.backlog': 37 }),
      v4: hello('v4', { 'listen.address': `127.0.0.1:${ports.v4}`, 'listen.backlog': 41 }),
      v6: hello('v6', { 'listen.address': `[::1]:${ports.v6}` }),
      dual: hello('dual', { 'listen.address': `[::]:${ports.dual}` }),
      bare: hello('bare', { 'listen.address': String(ports.bare) }),
      nowhere: scriptPool('exec sleep 600'),
    },
  });

  const tcp = (host: string, port: number): Promise<string> => askPool({ type: 'tcp', host, port });

  /** State, receive queue, send queue (the backlog of a listener), address; one row a listener. */
  async function listening(...filter: string[]): Promise<string[][]> {
    const { stdout } = await runCommand('ss', ['-Hln', ...filter]);
    return stdout
      .split('\n')
      .filter(line => line !== '')
      .map(line => line.trim().split(/\s+/));
  }

  await scope.test('a Unix socket', async () => {
    assert.match(await askPool(unixSocket(socketOf(scope, 'unix'))), HELLO);
  });
  await scope.test('an IPv4 address', async () => {
    assert.match(await tcp('127.0.0.1', ports.v4), HELLO);
    await assert.rejects(tcp('::1', ports.v4), /ECONNREFUSED/);
    await assert.rejects(tcp('127.0.0.2', ports.v4), /ECONNREFUSED/);
  });
  await scope.test('an IPv6 address, and IPv6 only', async () => {
    assert.match(await tcp('::1', ports.v6), HELLO);
    await assert.rejects(tcp('127.0.0.1', ports.v6), /ECONNREFUSED/);
  });
  await scope.test('[::] takes both', async () => {
    assert.match(await tcp('::1', ports.dual), HELLO);
    assert.match(await tcp('127.0.0.1', ports.dual), HELLO);
  });
  await scope.test('a bare port takes both', async () => {
    assert.match(await tcp('::1', ports.bare), HELLO);
    assert.match(await tcp('127.0.0.1', ports.bare), HELLO);
  });
  await scope.test(
    'none: the worker has no socket, and counts as ready when it has lived for a second',
    async () => {
      const [pid = 0] = workerPids(await daemon.status(), 'nowhere');
      const { stdout } = await runCommand('readlink', [`/proc/${pid}/fd/0`]);
      assert.equal(stdout.trim(), '/dev/null');
      assert.equal(poolOf(await daemon.status(), 'nowhere').listen.address, 'none');
    },
  );

  await scope.test('the kernel has the backlog that was asked for', async () => {
    // The kernel keeps the name under which it was bound, before it was renamed.
    const isOurs = (row: string[]): boolean => row.some(field => field.startsWith(socketOf(scope, 'unix')));
    const [type, , , backlog] = (await listening('-x')).find(isOurs) ?? [];
    assert.deepEqual([type, backlog], ['u_str', '37']);
    const v4 = (await listening('-t', `sport = :${ports.v4}`))[0] ?? [];
    assert.equal(v4[2], '41', v4.join(' '));
    const v6 = (await listening('-t', `sport = :${ports.v6}`))[0] ?? [];
    assert.equal(v6[2], '511', v6.join(' '));
  });

  await scope.test('one listener a pool, whatever the number of workers', async () => {
    assert.equal((await listening('-t', `sport = :${ports.v4}`)).length, 1);
  });

  await scope.test(
    'a stopped pool has closed its listener and removed its file, a started one is back',
    async () => {
      const path = socketOf(scope, 'unix');
      assert.equal((await daemon.cli('stop', 'unix', 'v4')).code, 0);
      assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined);
      assert.deepEqual(await listening('-t', `sport = :${ports.v4}`), []);
      await assert.rejects(tcp('127.0.0.1', ports.v4), /ECONNREFUSED/);
      assert.equal((await daemon.cli('start', 'unix', 'v4')).code, 0);
      assert.match(await askPool(unixSocket(path)), HELLO);
      assert.match(await tcp('127.0.0.1', ports.v4), HELLO);
    },
  );
});

suite('integration/listeners-occupied', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other') },
    expectedLog: [/"event":"poolFailed","pool":"www"/],
  });
  const path = socketOf(scope, 'www');
  const others = workerPids(await daemon.status(), 'other');

  async function refusedStart(): Promise<string> {
    const result = await daemon.cli('start', 'www');
    assert.equal(result.code, 1, result.stderr);
    return result.stderr;
  }

  await scope.test(
    'a socket file that somebody else has put in the place of ours stays when we stop',
    async () => {
      rmSync(path);
      const other = await occupy(scope, path);
      assert.equal((await daemon.cli('stop', 'www')).code, 0);
      assert.ok(lstatSync(path).isSocket());
      await other.close();
    },
  );

  await scope.test('where somebody listens we do not, and nothing of theirs is touched', async () => {
    const other = await occupy(scope, path);
    const { ino } = lstatSync(path);
    assert.match(await refusedStart(), new RegExp(`${path}.*EADDRINUSE`));
    assert.equal(lstatSync(path).ino, ino);
    await other.close();
  });

  await scope.test('a file that is no socket is never removed', async () => {
    writeFileSync(path, 'precious');
    assert.match(
      await refusedStart(),
      new RegExp(`${path} is a regular file, and only a socket is ever replaced`),
    );
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    rmSync(path);
  });

  await scope.test('a socket file that nobody listens on is replaced', async () => {
    const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const stale = listenUnix({ path, backlog: 1, mode: 0o600, uid, gid });
    closeSync(stale.descriptor);
    assert.equal(lstatSync(path).ino, stale.file.ino);
    assert.equal((await daemon.cli('start', 'www')).code, 0);
    assert.match(await askPool(unixSocket(path)), HELLO);
  });

  await scope.test('the other pool has noticed nothing', async () => {
    assert.deepEqual(workerPids(await daemon.status(), 'other'), others);
  });

  await scope.test('a temporary name is not left behind', () => {
    assert.equal(lstatSync(join(scope.dir, 'run', 'www.sock.new'), { throwIfNoEntry: false }), undefined);
  });
});
