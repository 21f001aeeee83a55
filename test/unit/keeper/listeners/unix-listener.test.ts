/** The names that a Unix socket of the keeper has over its life, and whose files are left alone. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connectClients, openListeners, publicOnes, specOf, untilWaiting } from '../../../lib/listeners.ts';
import { suite } from '../../../lib/suite.ts';

suite('unit/keeper/unix-listener', {}, async scope => {
  let number = 0;
  /** A directory of its own, so that whatever lies there is seen. */
  const newPath = (): string => {
    const dir = join(scope.dir, String(++number));
    mkdirSync(dir);
    return join(dir, 'x.sock');
  };
  const files = (path: string): string[] => readdirSync(join(path, '..')).sort();
  const stranger = async (path: string): Promise<{ close: () => Promise<void> }> => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(path, resolve));
    const close = async (): Promise<void> => {
      if (server.listening) await new Promise(resolve => server.close(resolve));
    };
    scope.defer(close);
    return { close };
  };
  const open = (path: string) => {
    const { listeners } = openListeners(scope);
    const spec = (id: string) => specOf(id, { type: 'unix', path });
    return { listeners, open: (id: string): number => listeners.open(spec(id)), path };
  };

  await scope.test('hidden, public, refusing, closed: never more than one file of each', () => {
    const { listeners, open: openOne, path } = open(newPath());
    openOne('a');
    openOne('b');
    assert.deepEqual(files(path), ['x.sock', 'x.sock.new']);
    assert.throws(() => openOne('c'), /listener b waits for .*x\.sock already/);
    listeners.publish('b');
    openOne('c');
    listeners.refuse('b');
    assert.deepEqual(files(path), ['x.sock.new', 'x.sock.old']);
    listeners.publish('c');
    assert.deepEqual(files(path), ['x.sock']);
    assert.throws(() => listeners.publish('b'), /no file any more/);
    listeners.close('a');
    listeners.close('b');
    assert.deepEqual(files(path), ['x.sock']);
    listeners.close('c');
    assert.deepEqual(files(path), []);
  });

  await scope.test('closed while it is hidden, and while it refuses: its file goes with it', () => {
    const { listeners, open: openOne, path } = open(newPath());
    openOne('a');
    openOne('b');
    listeners.close('b');
    assert.deepEqual(files(path), ['x.sock']);
    listeners.refuse('a');
    listeners.close('a');
    assert.deepEqual(files(path), []);
  });

  await scope.test('a path that was removed is had back by the next generation', async () => {
    const { listeners, open: openOne, path } = open(newPath());
    openOne('a');
    rmSync(path);
    const inode = openOne('b');
    listeners.publish('b');
    await connectClients(scope, { type: 'unix', path }, 1);
    await untilWaiting([inode, 1]);
  });

  await scope.test(
    'somebody who listens on the path by now is not replaced; when nobody does, it is',
    async () => {
      const { listeners, open: openOne, path } = open(newPath());
      openOne('a');
      openOne('b');
      rmSync(path);
      const other = await stranger(path);
      const { ino } = lstatSync(path);
      assert.throws(() => listeners.publish('b'), /x\.sock.*EADDRINUSE/);
      assert.equal(lstatSync(path).ino, ino);
      listeners.refuse('a');
      listeners.close('a');
      assert.equal(lstatSync(path).ino, ino);
      await other.close();
      listeners.publish('b');
      assert.deepEqual(publicOnes(listeners), ['b']);
    },
  );

  await scope.test('a file of somebody else under the name that refusing takes is left alone', () => {
    const { listeners, open: openOne, path } = open(newPath());
    openOne('a');
    writeFileSync(`${path}.old`, 'precious');
    listeners.refuse('a');
    assert.deepEqual(files(path), ['x.sock.old']);
    assert.ok(lstatSync(`${path}.old`).isFile());
    listeners.close('a');
    assert.deepEqual(files(path), ['x.sock.old']);
  });

  await scope.test('mode and backlog follow the file under any name', () => {
    const { listeners, path } = open(newPath());
    const spec = (id: string, mode: number) => specOf(id, { type: 'unix', path }, { mode });
    listeners.open(spec('a', 0o600));
    listeners.open(spec('b', 0o600));
    listeners.open(spec('b', 0o620));
    assert.equal(lstatSync(`${path}.new`).mode & 0o777, 0o620);
    listeners.refuse('a');
    listeners.open(spec('a', 0o640));
    assert.equal(lstatSync(path).mode & 0o777, 0o640);
  });
});
