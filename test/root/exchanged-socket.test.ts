/** A user who exchanges the directory of his pool's socket for a link: root's socket never gets elsewhere by it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startExchange } from '../lib/exchange-loop.ts';
import { openListeners, specOf } from '../lib/listeners.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const ALICE = 4401;
const BOB = 4402;
const WEB = 4499;
const USER = { uid: ALICE, gid: ALICE, groups: [] };
const ROUNDS = 300;

/** Homes below a directory of root's; `alice/link` leads to `to`. */
function homes(
  scope: Scope,
  to: string,
): { readonly alice: string; readonly bob: string; readonly root: string } {
  chmodSync(scope.dir, 0o755);
  const make = (name: string, uid: number): string => {
    const path = join(scope.dir, name);
    mkdirSync(path);
    chownSync(path, uid, uid);
    return path;
  };
  const alice = make('alice', ALICE);
  make('alice/run', ALICE);
  symlinkSync(join(scope.dir, to), join(alice, 'link'));
  return { alice, bob: make('bob', BOB), root: make('root', 0) };
}

async function listening(scope: Scope, path: string, uid: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(path, resolve));
  chownSync(path, uid, uid);
  chmodSync(path, 0o600);
  scope.defer(() => new Promise<void>(resolve => server.close(() => resolve())));
  return server;
}

for (const to of ['bob', 'root'] as const)
  suite(`root/exchanged-socket-${to}`, { root: true, needs: ['setpriv'] }, async scope => {
    const { alice, [to]: target } = homes(scope, to);
    const path = join(alice, 'run', 'x.sock');
    const { listeners } = openListeners(scope);
    const spec = (id: string) => specOf(id, { type: 'unix', path }, { uid: WEB, gid: WEB, user: USER });
    // What somebody else has there has the names that ours would have.
    const owner = to === 'bob' ? BOB : 0;
    for (const name of ['x.sock', 'x.sock.new', 'x.sock.old'])
      await listening(scope, join(target, name), owner);
    const look = (): string[] =>
      readdirSync(target).map(name => {
        const { uid, mode, ino } = lstatSync(join(target, name));
        return `${name} ${uid} ${mode.toString(8)} ${ino}`;
      });
    const before = look();
    const tryTo = (work: () => void): string => {
      try {
        work();
        return 'done';
      } catch (error) {
        assert.ok((error as Error).message.length > 0);
        return (error as NodeJS.ErrnoException).code ?? 'Error';
      }
    };

    await scope.test('opened, published, refused and closed while it is exchanged all the time', async () => {
      const end = await startExchange(scope, ALICE, join(alice, 'run'), join(alice, 'link'));
      const outcomes = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round++) {
        for (const work of [
          () => listeners.open(spec('a')),
          () => listeners.open(spec('b')),
          () => listeners.publish('b'),
          () => listeners.open(spec('b')),
          () => listeners.refuse('b'),
          () => listeners.close('a'),
          () => listeners.close('b'),
        ]) {
          const outcome = tryTo(work);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      }
      const count = await end();
      assert.ok(count > ROUNDS, `${count} exchanges`);
      assert.ok((outcomes.get('done') ?? 0) < 7 * ROUNDS, 'none of them met it');
      assert.deepEqual(look(), before);
    });

    await scope.test('the directory is right again: it is opened as if nothing had been', () => {
      listeners.open(spec('a'));
      listeners.open(spec('b'));
      listeners.publish('b');
      const { uid, gid } = lstatSync(path);
      assert.deepEqual([uid, gid], [WEB, WEB]);
      listeners.close('a');
      listeners.close('b');
      assert.deepEqual(
        readdirSync(join(alice, 'run')).filter(name => name === 'x.sock'),
        [],
      );
    });

    await scope.test('a hard link to somebody’s socket under the hidden name: it is not given away', () => {
      const hidden = `${path}.new`;
      rmSync(hidden, { force: true });
      linkSync(join(target, 'x.sock'), hidden);
      listeners.open(spec('a'));
      listeners.close('a');
      assert.deepEqual(look(), before);
    });
  });

suite('root/exchanged-socket-pool', { root: true, needs: ['gcc', 'libfcgi', 'setpriv'] }, async scope => {
  const { alice, bob } = homes(scope, 'bob');
  const path = join(alice, 'run', 'www.sock');
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      www: hello('www', { user: String(ALICE), group: String(ALICE), 'listen.address': path }),
      other: hello('other'),
    },
    expectedLog: [/"pool":"www"/, /www\.sock/, /listen\.address/],
  });

  await scope.test('reloads while it is exchanged, then one that works', async () => {
    const end = await startExchange(scope, ALICE, join(alice, 'run'), join(alice, 'link'));
    for (let round = 0; round < 6; round++) await daemon.cli('reload', 'www');
    await end();
    assert.deepEqual(readdirSync(bob), []);
    const { code, stderr } = await daemon.cli('reload', 'www');
    assert.equal(code, 0, stderr);
    assert.match(await askPool(unixSocket(path)), /^hello from/);
  });

  await scope.test(
    'a loop of links in its place: status says it, the others go on, a reload mends it',
    async () => {
      const run = join(alice, 'run');
      renameSync(run, join(alice, 'kept'));
      symlinkSync('run', run);
      const isLost = (status: Status): boolean =>
        /cannot be reached/.test(poolOf(status, 'www').reason ?? '');
      const status = await daemon.statusWhen('www to be lost', isLost);
      assert.deepEqual([poolOf(status, 'www').state, poolOf(status, 'other').state], ['degraded', 'running']);
      const failed = await daemon.cli('reload', 'www');
      assert.notEqual(failed.code, 0);
      rmSync(run);
      renameSync(join(alice, 'kept'), run);
      const { code, stderr } = await daemon.cli('reload', 'www');
      assert.equal(code, 0, stderr);
      await daemon.statusWhen('both to run', now => now.pools.every(it => it.state === 'running'));
    },
  );
});
