/** `fpm-ts serve` as a process: what it prints, whom it runs as, how it stops. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { Deferred } from '../../../src/client/deferred.ts';
import type { PoolTarget } from '../../../src/client/pool-target.ts';
import { encodeEnd, encodeStdout } from '../../../src/protocols/fastcgi/server.ts';
import { cleanEnvironment } from '../../lib/command.ts';
import { ask } from '../../lib/http.ts';
import { REPOSITORY } from '../../lib/paths.ts';
import { until } from '../../lib/poll.ts';
import { freePort } from '../../lib/ports.ts';
import { type Scope, suite } from '../../lib/suite.ts';
import { type Peer, poolAt, startPeer } from './programs.ts';

interface Serving {
  readonly pid: number;
  /** The next line of standard output. */
  line(): Promise<string>;
  stop(): Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
  readonly stderr: Promise<string>;
}

/** @param before a program that executes the rest of its arguments. */
function serve(scope: Scope, pool: PoolTarget, http: string, before: readonly string[] = []): Serving {
  const program = join(import.meta.dirname, 'run-front-program.ts');
  const command = [...before, process.execPath, '--import', 'tsx', program, JSON.stringify(pool), http];
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: REPOSITORY,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const end = (signal: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  };
  scope.defer(async () => {
    end('SIGKILL');
    await exited;
  });
  const stderr = text(child.stderr);
  return {
    pid: child.pid ?? 0,
    line: async () => String((await lines.next()).value),
    signal: end,
    stop: () => {
      end('SIGTERM');
      return exited;
    },
    exited,
    stderr,
  };
}

function idsOf(pid: number): Record<string, string> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Object.fromEntries(
    [...status.matchAll(/^(Uid|Gid|Groups):[ \t]*(.*?)[ \t]*$/gm)].map(match => [match[1], match[2]]),
  );
}

const ANSWER = Buffer.concat([
  ...encodeStdout(1, Buffer.from('X: y\n\nhello')),
  encodeEnd(1, { appStatus: 0, protocolStatus: 0 }),
]);

suite('unit/client/run-front', {}, async scope => {
  const peer = await startPeer(scope, 'peer', socket => socket.once('data', () => socket.end(ANSWER)));
  openToAll(peer);

  await scope.test('prints where it is and what to try, and answers', async () => {
    const port = await freePort();
    const serving = serve(scope, poolAt(peer.address), `127.0.0.1:${port}`);
    assert.equal(await serving.line(), `pool www at http://127.0.0.1:${port}/`);
    const next = await serving.line();
    assert.ok(next.includes(`curl http://127.0.0.1:${port}/`) && next.includes('npx fpm-ts status'), next);
    assert.equal((await ask(`http://127.0.0.1:${port}/`)).text, 'hello');
    assert.equal(await serving.stop(), 0);
    assert.equal(await serving.stderr, '');
  });

  await scope.test('a taken port is said, and the next free one taken', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const serving = serve(scope, poolAt(peer.address), `127.0.0.1:${port}`);
    const said = await serving.line();
    const taken = Number(/^port (\d+) is taken, so this is port (\d+)$/.exec(said)?.[2]);
    assert.ok(taken > port, said);
    assert.equal(await serving.line(), `pool www at http://127.0.0.1:${taken}/`);
    assert.equal(await serving.stop(), 0);
    other.close();
  });

  await scope.test('an address that is not ours ends it with the reason', async () => {
    const serving = serve(scope, poolAt(peer.address), '192.0.2.1:8080');
    assert.equal(await serving.exited, 1);
    assert.match(await serving.stderr, /^FAILED: cannot listen at 192\.0\.2\.1:8080: .*EADDRNOTAVAIL/);
  });

  await scope.test('a pool that does not speak FastCGI or SCGI is refused', async () => {
    const serving = serve(scope, poolAt(peer.address, { protocol: 'http' }), '127.0.0.1:0');
    assert.equal(await serving.exited, 64);
  });

  await scope.test('SIGTERM lets the request in hand finish', async () => {
    const reached = new Deferred<() => void>();
    const slow = await startPeer(scope, 'slow', socket =>
      socket.once('data', () => reached.resolve(() => socket.end(ANSWER))),
    );
    openToAll(slow);
    const serving = serve(scope, poolAt(slow.address), '127.0.0.1:0');
    const url = /http:\S+/.exec(await serving.line())?.[0] ?? '';
    const asked = ask(url);
    const finish = await reached.promise;
    serving.signal('SIGTERM');
    await refuses(new URL(url).port);
    finish();
    assert.equal((await asked).text, 'hello');
    assert.equal(await serving.exited, 0);
  });
});

suite('unit/client/run-front: root', { root: true, needs: ['setpriv'] }, async scope => {
  const peer = await startPeer(scope, 'peer', socket => socket.once('data', () => socket.end(ANSWER)));
  openToAll(peer);

  for (const [user, uid] of [
    ['www-data', 33],
    ['33', 33],
    ['root', 65534],
    [undefined, 65534],
  ] as const) {
    await scope.test(`a pool of ${user ?? 'nobody in particular'} is served as ${uid}`, async () => {
      // With groups to lose: those of a login as root.
      const before = ['setpriv', '--groups', '0,4'];
      const serving = serve(scope, poolAt(peer.address, { user }), '127.0.0.1:0', before);
      const url = /http:\S+/.exec(await serving.line())?.[0] ?? '';
      assert.deepEqual(idsOf(serving.pid), { Uid: ids(uid), Gid: ids(uid), Groups: '' });
      assert.equal((await ask(url)).text, 'hello');
      assert.equal(await serving.stop(), 0);
    });
  }

  await scope.test('a user whom nobody knows ends it', async () => {
    const serving = serve(scope, poolAt(peer.address, { user: 'no-such-user' }), '127.0.0.1:0');
    assert.equal(await serving.exited, 1);
    assert.match(await serving.stderr, /no-such-user/);
  });
});

/** As root the front becomes somebody else, who must be able to connect. */
function openToAll({ address }: Peer): void {
  if (address.type === 'unix') chmodSync(address.path, 0o666);
}

/** Resolves when nobody accepts there any more. */
async function refuses(port: string): Promise<void> {
  const isClosed = async (): Promise<boolean> => {
    const socket = connect(Number(port), '127.0.0.1');
    try {
      await once(socket, 'connect');
      return false;
    } catch {
      return true;
    } finally {
      socket.destroy();
    }
  };
  await until(isClosed, { what: 'the front to stop listening' });
}

/** Real, effective, saved and file-system id. */
function ids(id: number): string {
  return [id, id, id, id].join('\t');
}
