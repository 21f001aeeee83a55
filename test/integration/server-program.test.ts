/** A process that is a server: when it has no descriptors left, what it gives back, and how it ends under load. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { sendRequest } from '../../src/client/send-request.ts';
import { listenUnix } from '../../src/os/listener.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { cleanEnvironment } from '../lib/command.ts';
import { begin, head, Inbox, request, stdin } from '../lib/fastcgi-records.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { openDescriptors } from '../lib/processes.ts';
import { type Scope, suite } from '../lib/suite.ts';

const PROGRAM = join(REPOSITORY, 'test/fixtures/node/exchange-responder.mjs');

interface Listening {
  readonly path: string;
  readonly descriptor: number;
}

interface Responder {
  readonly pid: number;
  /** Resolves with the exit code after SIGTERM. */
  stop(): Promise<number | null>;
  readonly log: () => string;
}

let sockets = 0;

function openListener(scope: Scope): Listening {
  const path = join(scope.dir, `program-${sockets++}.sock`);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { descriptor } = listenUnix({ path, backlog: 511, mode: 0o600, ...owner });
  scope.defer(() => closeSync(descriptor));
  return { path, descriptor };
}

function startResponder(
  scope: Scope,
  { descriptor }: Listening,
  protocol: string,
  before: readonly string[] = [],
): Responder {
  const dist = join(REPOSITORY, 'dist');
  const [command, ...args] = [...before, process.execPath, PROGRAM, dist, protocol];
  const child: ChildProcess = spawn(command ?? '', args, {
    env: cleanEnvironment(),
    stdio: [descriptor, 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const exited = once(child, 'exit');
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    return child.exitCode;
  };
  scope.defer(async () => void (await stop()));
  return { pid: child.pid ?? 0, stop, log: () => Buffer.concat(said).toString() };
}

async function open(scope: Scope, { path }: Listening): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  scope.defer(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

async function ask({ path }: Listening, protocol: 'fastcgi' | 'scgi', body: Buffer): Promise<string> {
  const params: [string, string][] = [['CONTENT_LENGTH', String(body.length)]];
  const address = { type: 'unix', path } as const;
  const answer = await sendRequest({ address, protocol, params, body, timeoutMs: 20_000 });
  return text(answer.body);
}

suite('integration/server-program', {}, async scope => {
  await scope.test(
    'without a descriptor for one more, connections wait: said once, served in the end',
    async () => {
      const listener = openListener(scope);
      const { log } = startResponder(scope, listener, 'fastcgi', ['prlimit', '--nofile=40:40', '--']);
      const clients = await Promise.all(Array.from({ length: 60 }, () => open(scope, listener)));
      await until(() => /connections wait: .*EMFILE.*rlimit_files/.test(log()), {
        what: 'the complaint',
        explain: log,
      });
      const inboxes = clients.map(client => new Inbox(client));
      for (const client of clients) client.write(request(1, 'hello', { keep: true }));
      const answered = (): Inbox[] => inboxes.filter(inbox => inbox.ends.length === 1);
      // Each that leaves makes room for one, which is kept as well: there is no descriptor for the next again.
      for (let left = 0; left < clients.length; left++) {
        const leaving = await until(() => answered().find(inbox => !inbox.isClosed), { what: 'an answer' });
        clients[inboxes.indexOf(leaving)]?.destroy();
        await until(() => leaving.isClosed, { what: 'it to leave' });
      }
      assert.equal(answered().length, clients.length);
      assert.equal(log().match(/connections wait/g)?.length, 1, log());
    },
  );

  await scope.test('whatever clients do, all descriptors come back', async () => {
    const listeners = { fastcgi: openListener(scope), scgi: openListener(scope) };
    for (const protocol of ['fastcgi', 'scgi'] as const) {
      const listener = listeners[protocol];
      const { pid, log } = startResponder(scope, listener, protocol);
      // libuv opens a descriptor of its own for the first line that is written.
      (await open(scope, listener)).end('nonsense');
      await until(() => log() !== '', { what: 'the first line' });
      assert.match(await ask(listener, protocol, Buffer.alloc(3)), /3$/);
      // The connection of that answer may have been closed by the client first.
      const before = await until(() => settledDescriptors(pid), { what: 'a count that stays' });
      const halves =
        protocol === 'fastcgi'
          ? [begin(1), head(1), Buffer.concat([head(1), stdin(1, 'x')]), request(1, '', { keep: true })]
          : [Buffer.from('12:'), encodeScgiHead(5, []), Buffer.concat([encodeScgiHead(5, []), Buffer.of(1)])];
      for (const bytes of [Buffer.alloc(0), ...halves, Buffer.from('GET / HTTP/1.0\r\n\r\n')]) {
        for (const leave of ['destroy', 'end'] as const) {
          const client = await open(scope, listener);
          await new Promise(resolve => client.write(bytes, resolve));
          client.resume();
          if (leave === 'end') client.end();
          else client.destroy();
        }
      }
      for (let i = 0; i < 20; i++) await ask(listener, protocol, Buffer.alloc(100_000));
      await until(() => openDescriptors(pid) === before, {
        what: `${before} descriptors`,
        explain: () => `${openDescriptors(pid)} are open`,
      });
    }
  });

  await scope.test(
    'a stop under load loses nothing: who was accepted is answered, the others wait for the next',
    async () => {
      const listener = openListener(scope);
      const first = startResponder(scope, listener, 'fastcgi');
      let answered = 0;
      let isOver = false;
      const clients = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          assert.match(await ask(listener, 'fastcgi', Buffer.alloc(10_000)), /10000$/);
          answered++;
        }
      });
      // A kept connection without a request does not hold up the end.
      const kept = await open(scope, listener);
      const inbox = new Inbox(kept);
      kept.write(request(1, '', { keep: true }));
      await inbox.ended(1);
      await until(() => answered > 50, { what: 'some load' });
      const stopped = first.stop();
      const second = startResponder(scope, listener, 'fastcgi');
      assert.equal(await stopped, 0);
      await inbox.closed();
      const before = answered;
      await until(() => answered > before + 50, { what: 'the load to go on' });
      isOver = true;
      await Promise.all(clients);
      assert.equal(first.log() + second.log(), '');
      assert.equal(await second.stop(), 0);
    },
  );
});

/** The number of descriptors, when two looks in a row agree. */
const looks = new Map<number, number>();
function settledDescriptors(pid: number): number | undefined {
  const now = openDescriptors(pid);
  const isSame = looks.get(pid) === now;
  looks.set(pid, now);
  return isSame ? now : undefined;
}
