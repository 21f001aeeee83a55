/** SCGI on real sockets. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { type ExchangeServer, type SeenRequest, startExchangeServer } from '../lib/exchange-server.ts';
import { Inbox } from '../lib/fastcgi-records.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

function request(body: string, path = '/'): Buffer {
  return Buffer.concat([encodeScgiHead(body.length, [['PATH_INFO', path]]), Buffer.from(body)]);
}

function echo({ exchange, params, body }: SeenRequest, what: string): void {
  if (what !== 'bodyEnd') return;
  exchange.writeError(Buffer.from('nowhere'));
  exchange.write(Buffer.from(`${params.get('PATH_INFO')}:${body}`));
  exchange.end(1);
}

async function converse(server: ExchangeServer, ...pieces: Buffer[]): Promise<[Socket, Inbox]> {
  const socket = await server.open();
  const inbox = new Inbox(socket);
  for (const piece of pieces) socket.write(piece);
  return [socket, inbox];
}

for (const transport of ['unix', 'tcp'] as const) {
  suite(`integration/server-scgi-${transport}`, {}, async scope => {
    const options = { protocol: 'scgi', transport } as const;

    await scope.test('a request is answered by what is before the end', async () => {
      const server = await startExchangeServer(scope, { ...options, happened: echo });
      const [, inbox] = await converse(server, request('hello'));
      await inbox.closed();
      assert.equal(String(inbox.bytes), '/:hello');
      assert.deepEqual(server.complaints, []);
    });

    await scope.test('cut in two at every byte it is the same request', async () => {
      const server = await startExchangeServer(scope, { ...options, happened: echo });
      const bytes = request('hello');
      for (let at = 1; at < bytes.length; at++) {
        const [socket, inbox] = await converse(server, bytes.subarray(0, at));
        await new Promise(resolve => setImmediate(resolve));
        socket.write(bytes.subarray(at));
        await inbox.closed();
        assert.equal(String(inbox.bytes), '/:hello', `cut at ${at}`);
      }
    });

    await scope.test(
      'an answer before the end of the body arrives whole, whatever the client still sends',
      async () => {
        const server = await startExchangeServer(scope, {
          ...options,
          happened({ exchange }, what) {
            if (what !== 'begin') return;
            exchange.write(Buffer.from('too large'));
            exchange.end();
          },
        });
        const [socket, inbox] = await converse(server, encodeScgiHead(4_000_000, []));
        const rest = new Promise<unknown>(resolve => socket.write(Buffer.alloc(4_000_000), resolve));
        await until(() => String(inbox.bytes) === 'too large', { what: 'the answer' });
        await until(() => inbox.isEnded, { what: 'the end' });
        // libuv takes a reset that comes with the last bytes for an end; the write tells.
        assert.equal((await rest) ?? null, null);
        socket.end();
        await until(() => inbox.isClosed, { what: 'the connection to be closed' });
      },
    );

    for (const [name, bytes, complaint] of [
      ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /not SCGI or breaks its rules/],
      ['too many variables', request('', 'x'.repeat(5_000)), /not SCGI or breaks its rules/],
    ] as const) {
      await scope.test(`${name}: closed, said once, and others are served`, async () => {
        const server = await startExchangeServer(scope, { ...options, maxParamsBytes: 4096, happened: echo });
        const [, inbox] = await converse(server, bytes);
        await inbox.closed();
        assert.equal(inbox.bytes.length, 0);
        assert.equal(server.complaints.length, 1);
        assert.match(server.complaints[0] ?? '', complaint);
        const [, other] = await converse(server, request('fine'));
        await other.closed();
        assert.equal(String(other.bytes), '/:fine');
      });
    }

    await scope.test('a client that goes away is noticed while its body is paused', async () => {
      const server = await startExchangeServer(scope, {
        ...options,
        happened: ({ exchange }, what) => what === 'begin' && exchange.pauseBody(),
      });
      const [socket] = await converse(server, request('x'.repeat(1000)));
      const seen = await until(() => server.requests[0], { what: 'the request' });
      socket.destroy();
      await until(() => seen.isGone, { what: 'it to be noticed' });
      assert.deepEqual(server.complaints, []);
    });

    await scope.test('a stop waits for what is open and for the request that is to come', async () => {
      const server = await startExchangeServer(scope, { ...options });
      const [fresh, freshInbox] = await converse(server);
      const [, busy] = await converse(server, request(''));
      await until(() => server.requests.length === 1, { what: 'the request' });
      const stopped = server.server.stop();
      fresh.write(request(''));
      await until(() => server.requests.length === 2, { what: 'the other request' });
      for (const { exchange } of server.requests) exchange.end();
      await Promise.all([busy.closed(), freshInbox.closed(), stopped]);
    });
  });
}

suite('integration/server-scgi-ends', {}, async scope => {
  const half = encodeScgiHead(10, []);

  await scope.test('a client that only half-closes a Unix socket gets its answer', async () => {
    const server = await startExchangeServer(scope, { protocol: 'scgi' });
    const [socket, inbox] = await converse(server, request('all'));
    socket.end();
    const seen = await until(() => server.requests[0], { what: 'the request' });
    await until(() => seen.hasWholeBody, { what: 'its body' });
    seen.exchange.write(Buffer.from('answer'));
    seen.exchange.end();
    await inbox.closed();
    assert.deepEqual([String(inbox.bytes), seen.isGone], ['answer', false]);
  });

  await scope.test('one that does so within its body is cut off, and that is said', async () => {
    const server = await startExchangeServer(scope, { protocol: 'scgi' });
    const [socket, inbox] = await converse(server, half, Buffer.from('12345'));
    socket.end();
    await inbox.closed();
    assert.equal(server.requests[0]?.isGone, true);
    assert.match(server.complaints.join(), /ended within a request/);
  });

  await scope.test('over TCP an answer that broke off is reset: nobody takes it for whole', async () => {
    const server = await startExchangeServer(scope, { protocol: 'scgi', transport: 'tcp' });
    const [socket, inbox] = await converse(server, request(''));
    const codes: unknown[] = [];
    socket.on('error', error => codes.push((error as NodeJS.ErrnoException).code));
    const seen = await until(() => server.requests[0], { what: 'the request' });
    seen.exchange.write(Buffer.from('half of'));
    // libuv takes a reset that comes with the last bytes for an end.
    await until(() => inbox.bytes.length > 0, { what: 'the half' });
    seen.exchange.fail();
    await until(() => codes.length > 0, { what: 'the reset' });
    assert.deepEqual(codes, ['ECONNRESET']);
  });
});
