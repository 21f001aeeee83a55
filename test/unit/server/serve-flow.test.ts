/** Bodies that stream both ways no faster than they are read, clients that go away, and the end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { RECORD } from '../../../src/protocols/fastcgi/constants.ts';
import { encodeRecord } from '../../../src/protocols/fastcgi/records.ts';
import type { Exchange } from '../../../src/protocols/incoming-exchange.ts';
import { ResponseWriter } from '../../../src/server/response-writer.ts';
import { until } from '../../lib/poll.ts';
import { type Scope, suite } from '../../lib/suite.ts';
import { begun, PROTOCOLS, type Said, type Served, startServing, stdin } from './serving.ts';

const MIB = 1024 * 1024;
/** Far above what socket buffers and ours hold, far below what a run without back-pressure would let through. */
const HELD_BYTES = 8 * MIB;
/** Each gives everybody in this process many turns. */
const ROUNDS = 50;

/** Asks so often that whoever could go on in the meantime has. */
async function manyTurns({ ask }: Served): Promise<void> {
  for (let i = 0; i < ROUNDS; i++) assert.equal((await ask()).text, 'ok');
}

/** The head of a request in either protocol. */
function wire(protocol: 'fastcgi' | 'scgi', variables: Said, bodyBytes: number): Buffer {
  const length = { CONTENT_LENGTH: String(bodyBytes) };
  if (protocol === 'fastcgi') return begun({ ...length, ...variables });
  const pairs = Object.entries({ ...length, SCGI: '1', REQUEST_METHOD: 'GET', ...variables });
  const head = Buffer.from(pairs.map(([name, value]) => `${name}\0${value.toString()}\0`).join(''));
  return Buffer.concat([Buffer.from(`${head.length}:`), head, Buffer.from(',')]);
}

for (const protocol of PROTOCOLS) {
  suite(`unit/server/serve: bodies over ${protocol}`, {}, async scope => {
    let producedBytes = 0;
    let cancelled = 0;
    let readUpload: () => void = () => {};
    const mayRead = new Promise<void>(resolve => {
      readUpload = resolve;
    });
    const served = startServing(
      scope,
      async request => {
        const { pathname } = new URL(request.url);
        if (pathname === '/echo') return new Response(request.body);
        if (pathname === '/endless')
          return new Response(
            new ReadableStream({
              pull(controller) {
                producedBytes += MIB / 4;
                controller.enqueue(new Uint8Array(MIB / 4));
              },
              cancel() {
                cancelled += 1;
              },
            }),
          );
        if (pathname === '/later') {
          await mayRead;
          return new Response(String((await request.arrayBuffer()).byteLength));
        }
        return new Response('ok');
      },
      { protocol },
    );

    await scope.test('an echo of 20 MB is the same', async () => {
      const body = Buffer.alloc(20 * MIB, 'abcdefghijklm');
      const { text } = await served.ask({ REQUEST_METHOD: 'PUT', REQUEST_URI: '/echo' }, body);
      assert.equal(text.length, body.length);
      assert.ok(text === body.toString());
    });

    await scope.test(
      'an answer that nobody reads is not made, and cancelled when the reader leaves',
      async () => {
        const socket = served.open();
        socket.write(wire(protocol, { REQUEST_URI: '/endless' }, 0));
        await until(() => producedBytes > 0, { what: 'the answer to begin' });
        await manyTurns(served);
        assert.ok(producedBytes < HELD_BYTES, `${producedBytes} bytes were made`);
        socket.destroy();
        await until(() => cancelled === 1, { what: 'the stream to be cancelled' });
      },
    );

    await scope.test('a body that nobody reads stays with the client, and arrives whole', async () => {
      const socket = served.open();
      const pieces = 64;
      let taken = 0;
      const upload = async (): Promise<void> => {
        const head = wire(protocol, { REQUEST_METHOD: 'POST', REQUEST_URI: '/later' }, pieces * MIB);
        socket.write(head);
        for (; taken < pieces; taken += 1) {
          const piece = Buffer.alloc(MIB);
          await new Promise(done => socket.write(protocol === 'fastcgi' ? stdin(piece) : piece, done));
        }
        if (protocol === 'fastcgi') socket.write(stdin(null));
      };
      const uploaded = upload();
      for (let before = -1; before !== taken; ) {
        before = taken;
        await manyTurns(served);
      }
      assert.ok(taken * MIB < HELD_BYTES, `${taken} MiB were taken`);
      readUpload();
      assert.match(await textOf(socket), new RegExp(String(pieces * MIB)));
      await uploaded;
    });

    await scope.test('a body that is never read does not hold up what comes after it', async () => {
      const body = Buffer.alloc(10 * MIB);
      const { text } = await served.ask({ REQUEST_METHOD: 'POST' }, body);
      assert.equal(text, 'ok');
      assert.equal((await served.ask()).text, 'ok');
    });
  });
}

void test('a stream that always has more lets others have their turn, however fast its client reads', async () => {
  let bytes = 0;
  let isTurn = false;
  const exchange: Exchange = {
    params: [],
    pauseBody: () => {},
    resumeBody: () => {},
    write(chunk) {
      bytes += chunk.length;
      return true;
    },
    writeError: () => {},
    end: () => {},
    fail: () => {},
  };
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isTurn || bytes > HELD_BYTES) controller.close();
      else controller.enqueue(new Uint8Array(16 * 1024));
    },
  });
  setImmediate(() => {
    isTurn = true;
  });
  await new ResponseWriter(exchange).send(new Response(endless), false);
  assert.ok(bytes < HELD_BYTES, `${bytes} bytes in one turn`);
});

interface Seen {
  readonly signal: AbortSignal;
  readonly contextSignal: AbortSignal;
  readonly body: Promise<string>;
}

/** A responder that answers nobody, and what it sees. */
function startSilent(scope: Scope): { readonly served: Served; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const served = startServing(scope, (request, { signal }) => {
    const body = request.text().catch((error: Error) => `failed: ${error.name}`);
    seen.push({ signal: request.signal, contextSignal: signal, body });
    // Rejects as what waits for the client would: nothing for the log.
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('left alone')));
    });
  });
  return { served, seen };
}

const LEAVING: Readonly<Record<string, (socket: Socket) => void>> = {
  'goes away': socket => void socket.destroy(),
  'aborts the request': socket => void socket.write(encodeRecord(RECORD.abortRequest, 1, Buffer.alloc(0))),
  'breaks the protocol': socket => void socket.write(Buffer.from('what is this')),
};

suite('unit/server/serve: a client that leaves', {}, async scope => {
  const { served, seen } = startSilent(scope);
  for (const [what, leave] of Object.entries(LEAVING)) {
    for (const [state, body, read] of [
      ['is answered', stdin(null), ''],
      ['has sent its body', stdin(Buffer.from('some')), 'failed: AbortError'],
    ] as const) {
      await scope.test(`one that ${what} before it ${state} aborts the signals`, async t => {
        const log = t.mock.method(console, 'error', () => {});
        const socket = served.open();
        socket.write(Buffer.concat([begun({ REQUEST_METHOD: 'POST' }, true), body]));
        const request = await until(() => seen.pop(), { what: 'the handler to be asked' });
        assert.equal(request.signal.aborted, false);
        leave(socket);
        await until(() => request.signal.aborted && request.contextSignal.aborted, { what: 'the abort' });
        assert.equal((request.signal.reason as Error).name, 'AbortError');
        assert.equal(await request.body, read);
        // The protocol's breach is told by the connection; what the handler says then is not.
        const lines = log.mock.calls.map(call => String(call.arguments[0]));
        assert.deepEqual(
          lines.filter(line => !/not FastCGI|breaks its rules/.test(line)),
          [],
        );
      });
    }
  }

  await scope.test(
    'one that leaves before it is known whether there is a body has asked nobody',
    async () => {
      const socket = served.open();
      socket.write(begun({ REQUEST_METHOD: 'POST' }));
      socket.destroy();
      const other = served.open();
      other.write(Buffer.concat([begun(), stdin(null)]));
      await until(() => seen.pop(), { what: 'the one behind it to be asked' });
      assert.equal(seen.length, 0);
    },
  );
});

suite('unit/server/serve: too many at once, and the end', {}, async scope => {
  const waiting: (() => void)[] = [];
  const served = startServing(
    scope,
    async () => {
      await new Promise<void>(resolve => waiting.push(resolve));
      return new Response('answered');
    },
    { maxRequests: 2 },
  );
  const asked = [served.ask(), served.ask()];
  await until(() => waiting.length === 2, { what: 'two in hand' });

  await scope.test('the one that is too much is told to come back', async () => {
    const { head, fields } = await served.ask();
    assert.equal(head.status, 503);
    assert.ok(fields.some(([name, value]) => name === 'retry-after' && value === '1'));
  });

  await scope.test('when one has been answered there is room again', async () => {
    waiting.shift()?.();
    await Promise.race(asked);
    asked.push(served.ask());
    await until(() => waiting.length === 2, { what: 'another one in hand' });
  });

  await scope.test('a shutdown accepts no more, answers what is in hand, and has finished then', async () => {
    let isFinished = false;
    void served.responder.finished.then(() => {
      isFinished = true;
    });
    const ends = [served.responder.shutdown(), served.responder.shutdown()];
    // Nobody accepts: the connection waits in the queue of the listener, which is still open.
    const late = connect({ path: served.path });
    await once(late, 'connect');
    late.write(Buffer.concat([begun(), stdin(null)]));
    assert.equal(isFinished, false);
    for (const resolve of waiting) resolve();
    for (const { text } of await Promise.all(asked)) assert.equal(text, 'answered');
    await Promise.all(ends);
    assert.equal(isFinished, true);
    assert.equal(late.bytesRead, 0);
    late.destroy();
  });
});

async function textOf(socket: Socket): Promise<string> {
  let all = '';
  for await (const chunk of socket) all += (chunk as Buffer).toString('latin1');
  return all;
}
