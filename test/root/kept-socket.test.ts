/**
 * A socket that was taken over, in a directory of the pool's user and with another owner (`listen.owner`, as a web
 * server needs it): it keeps its second name, so that it is put back whoever removes it.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Listeners } from '../../src/keeper/listeners/listeners.ts';
import type { ListenerSpec } from '../../src/keeper/protocol.ts';
import { listenerInode } from '../../src/os/address.ts';
import { linkSocket } from '../../src/os/socket-link.ts';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type Daemon, type DaemonOptions, startDaemon } from '../lib/daemon.ts';
import { startExchange } from '../lib/exchange-loop.ts';
import { openListeners, pollerOf, specOf } from '../lib/listeners.ts';
import { MAIN } from '../lib/paths.ts';
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const ALICE = 4401;
const WEB = 4499;
const USER = { uid: ALICE, gid: ALICE, groups: [] };
const ROUNDS = 200;
const PROTECTED = '/proc/sys/fs/protected_hardlinks';

/** As every distribution sets it. */
function protectHardLinks(scope: Scope): void {
  const before = readFileSync(PROTECTED, 'utf8');
  if (before.trim() === '1') return;
  writeFileSync(PROTECTED, '1');
  scope.defer(() => writeFileSync(PROTECTED, before));
}

/** @returns a directory of alice's, in one of alice's */
function aliceRun(place: Place): string {
  const home = join(place.dir, 'alice');
  for (const path of [home, join(home, 'run')]) {
    mkdirSync(path);
    chownSync(path, ALICE, ALICE);
  }
  return join(home, 'run');
}

/** What listened there before. It removes the path when it is closed, as php-fpm does. */
async function listening(place: Place, path: string): Promise<() => Promise<void>> {
  const server: Server = createServer(socket => socket.destroy());
  await new Promise<void>(resolve => server.listen(path, resolve));
  chmodSync(path, 0o666);
  const close = (): Promise<void> => new Promise(resolve => server.close(() => resolve()));
  place.defer(close);
  return close;
}

function specFor(path: string): (id: string) => ListenerSpec {
  return id => specOf(id, { type: 'unix', path }, { uid: WEB, gid: WEB, mode: 0o660, user: USER });
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** One that has taken over from `former` at that path, and serves. */
function takeOver(listeners: Listeners, path: string, inode = listenerInode(path) ?? 0): void {
  const spec = specFor(path);
  listeners.take(spec(`${path}:old`), process.pid, inode);
  listeners.open(spec(path));
  listeners.publish(path);
  listeners.close(`${path}:old`);
}

suite('root/kept-socket', { root: true, needs: ['setpriv'] }, async scope => {
  protectHardLinks(scope);
  chmodSync(scope.dir, 0o755);
  const run = aliceRun(scope);
  const roots = join(scope.dir, 'roots');
  mkdirSync(roots);

  await scope.test('removed by who had it before, by a rename, and while no keeper is there', async () => {
    const path = join(run, 'a.sock');
    const close = await listening(scope, path);
    const before = new Listeners(new Map(), pollerOf(scope), () => {});
    takeOver(before, path);
    const inode = inodeOf(path);
    assert.equal(inodeOf(`${path}.kept`), inode);
    const { uid, gid, nlink } = lstatSync(path);
    assert.deepEqual([uid, gid, nlink], [WEB, WEB, 2]);
    await close();
    await until(() => inodeOf(path) === inode, { what: 'the path to be there again' });
    rmSync(path);
    await until(() => inodeOf(path) === inode, { what: 'it once more' });
    // The keeper dies: what it knew goes to the next one.
    const { saved } = before;
    const after = openListeners(scope).listeners;
    rmSync(path);
    for (const listener of saved) after.restore(listener, listener.descriptor);
    assert.equal(inodeOf(path), inode);
    after.close(path);
    assert.deepEqual(readdirSync(run), []);
  });

  await scope.test('another socket is never linked', async () => {
    const path = join(run, 'b.sock');
    const close = await listening(scope, path);
    const link = (dev: number, ino: number): void => linkSocket(path, `${path}.kept`, { dev, ino }, USER);
    const { dev, ino } = lstatSync(path);
    assert.throws(() => link(dev, ino + 1), /b\.sock was replaced by another file/);
    writeFileSync(`${path}.kept`, '');
    assert.throws(() => link(dev, ino), { code: 'EEXIST' });
    rmSync(`${path}.kept`);
    await close();
  });

  await scope.test('where alice’s rights do not suffice, CAP_FOWNER gives none', async () => {
    const path = join(run, 'c.sock');
    const close = await listening(scope, path);
    assert.throws(() => linkSocket(path, join(roots, 'c.sock'), lstatSync(path), USER), /uid 4401/);
    assert.deepEqual(readdirSync(roots), []);
    await close();
  });

  await scope.test('taken over and put back while the directory is exchanged all the time', async () => {
    const link = join(scope.dir, 'alice', 'link');
    symlinkSync(roots, link);
    const paths = Array.from({ length: ROUNDS }, (_, round) => join(run, `${round}.sock`));
    for (const path of paths) await listening(scope, path);
    const inodes = paths.map(path => listenerInode(path) ?? 0);
    const { listeners } = openListeners(scope);
    const end = await startExchange(scope, ALICE, run, link);
    const outcomes = paths.map((path, at) => {
      try {
        takeOver(listeners, path, inodes[at]);
        return inodeOf(`${path}.kept`) === undefined ? 'not kept' : 'kept';
      } catch (error) {
        return (error as Error).message;
      }
    });
    await end();
    assert.ok(new Set(outcomes).size > 1, 'some met it, and some did not');
    assert.deepEqual(readdirSync(roots), []);
  });
});

async function takenOver(
  scope: Scope,
  more: Partial<DaemonOptions> = {},
): Promise<{
  readonly daemon: Daemon;
  readonly path: string;
  readonly notices: string;
  readonly close: () => Promise<void>;
}> {
  protectHardLinks(scope);
  chmodSync(scope.dir, 0o755);
  const path = join(aliceRun(scope), 'www.sock');
  const close = await listening(scope, path);
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {},
    ...more,
    expectedLog: [
      /no pools are configured/,
      /there again/,
      /ended without stopping/,
      /"event":"restored"/,
      ...(more.expectedLog ?? []),
    ],
  });
  writeFileSync(
    join(daemon.poolsDir, 'www.toml'),
    hello('www', {
      user: String(ALICE),
      group: String(ALICE),
      'listen.address': path,
      'listen.owner': String(WEB),
      'listen.group': String(WEB),
    }),
  );
  const { code, stdout, stderr } = await daemon.cli('takeover', '--pid', String(process.pid), 'www');
  assert.equal(code, 0, stderr);
  return { daemon, path, notices: stdout + stderr, close };
}

suite('root/kept-socket-pool', { root: true, needs: ['gcc', 'libfcgi'] }, async scope => {
  const { daemon, path, notices, close } = await takenOver(scope);
  const inode = inodeOf(path);
  const isServed = async (): Promise<void> => {
    await until(() => inodeOf(path) === inode, { what: 'the path' });
    assert.match(await askPool(unixSocket(path)), /^hello from/);
  };

  await scope.test('who was taken over removes the path: it is there again', async () => {
    assert.doesNotMatch(notices, /removes/);
    await close();
    await isServed();
  });

  await scope.test('removed while the keeper is dead: the next one puts it back', async () => {
    await daemon.crash();
    rmSync(path);
    await daemon.startAgain();
    await isServed();
  });

  await scope.test('removed after an upgrade', async () => {
    const { code, stderr } = await daemon.cli('upgrade');
    assert.equal(code, 0, stderr);
    rmSync(path);
    await isServed();
    assert.equal(poolOf(await daemon.status(), 'www').state, 'running');
  });
});

suite('root/kept-socket-refused', { root: true, needs: ['gcc', 'libfcgi', 'setpriv'] }, async scope => {
  const { daemon, path, notices, close } = await takenOver(scope, {
    program: ['/usr/bin/setpriv', '--inh-caps=-fowner', '--bounding-set=-fowner', process.execPath, MAIN],
    expectedLog: [/gets no second name/, /"event":"socketLost"/],
  });

  await scope.test('without CAP_FOWNER: the command says what may happen, the log why', async () => {
    assert.match(notices, /if .* removes .*www\.sock when it is stopped, .*`fpm-ts reload www`/);
    const told = daemon
      .log()
      .map(({ msg }) => String(msg))
      .join('\n');
    assert.match(told, /www\.sock gets no second name: link .*EPERM.*uid 4499.*CAP_FOWNER/);
    await close();
    await daemon.statusWhen('www to be lost', now => /is gone/.test(poolOf(now, 'www').reason ?? ''));
    const { code, stderr } = await daemon.cli('reload', 'www');
    assert.equal(code, 0, stderr);
    assert.match(await askPool(unixSocket(path)), /^hello from/);
  });
});
