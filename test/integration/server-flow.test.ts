/** Who sends faster than the other takes is made to wait, in both directions, and what waits has bounds. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { type ExchangeServer, type SeenRequest, startExchangeServer } from '../lib/exchange-server.ts';
import { head, Inbox, management, request, stdin, stdinEnd } from '../lib/fastcgi-records.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');
const PIECES = 200;

/** A client that reads nothing before `read` is called. */
async function deaf(server: ExchangeServer, bytes: Buffer): Promise<{ socket: Socket; read: () => Inbox }> {
  const socket = await server.open();
  socket.pause();
  socket.write(bytes);
  return { socket, read: () => new Inbox(socket) };
}

/** Writes a large answer, as much at a time as the client takes. */
function largeAnswer(): { pieces: number; happened: (request: SeenRequest, what: string) => void } {
  const answer = {
    pieces: 0,
    happened({ exchange }: SeenRequest, what: string): void {
      if (what !== 'bodyEnd' && what !== 'drained') return;
      while (answer.pieces < PIECES) {
        answer.pieces++;
        if (!exchange.write(PIECE)) return;
      }
      exchange.end();
    },
  };
  return answer;
}

/** What a stream of bytes has stopped at: no more has come in some looks. Without a limit it would never stop. */
async function settled(count: () => number, looks = 5): Promise<number> {
  let before = -1;
  let still = 0;
  await until(
    () => {
      still = count() === before ? still + 1 : 0;
      before = count();
      return still >= looks;
    },
    { what: 'the flow to stop' },
  );
  return before;
}

for (const [protocol, whole] of [
  ['fastcgi', request(1)],
  ['scgi', encodeScgiHead(0, [])],
] as const) {
  suite(`integration/server-flow-${protocol}`, {}, async scope => {
    for (const transport of ['unix', 'tcp'] as const) {
      await scope.test(`${transport}: an answer waits for the client that reads it`, async () => {
        const answer = largeAnswer();
        const { happened } = answer;
        const server = await startExchangeServer(scope, { protocol, transport, happened });
        const { read } = await deaf(server, whole);
        await until(() => answer.pieces > 0, { what: 'the answer to begin' });
        const sent = await settled(() => answer.pieces);
        assert.ok(sent < PIECES, `${sent} pieces were sent to a client that reads nothing`);
        const inbox = read();
        await inbox.closed();
        const content = protocol === 'fastcgi' ? inbox.stdout(1) : inbox.bytes.toString('latin1');
        assert.equal(content.length, PIECES * PIECE.length);
        assert.equal(answer.pieces, PIECES);
      });
    }

    await scope.test('a body waits for who reads it', async () => {
      const server = await startExchangeServer(scope, {
        protocol,
        happened: ({ exchange }, what) => what === 'body' && exchange.pauseBody(),
      });
      const socket = await server.open();
      const bytes = PIECES * PIECE.length;
      let sent = 0;
      socket.write(protocol === 'fastcgi' ? head(1) : encodeScgiHead(bytes, []));
      for (let i = 0; i < PIECES; i++)
        socket.write(protocol === 'fastcgi' ? stdin(1, PIECE) : PIECE, () => sent++);
      if (protocol === 'fastcgi') socket.write(stdinEnd(1));
      const seen = await until(() => server.requests[0], { what: 'the request' });
      await until(() => seen.bodyBytes > 0, { what: 'the first piece' });
      await settled(() => sent);
      assert.ok(seen.bodyBytes <= 64 * 1024, `${seen.bodyBytes} bytes came while it was paused`);
      assert.ok(sent < PIECES);
      const resume = setInterval(() => seen.exchange.resumeBody(), 1);
      scope.defer(() => clearInterval(resume));
      await until(() => seen.hasWholeBody, { what: 'the whole body' });
      assert.equal(seen.bodyBytes, bytes);
      seen.exchange.end();
    });
  });
}

suite('integration/server-flow-shared', {}, async scope => {
  await scope.test('a request that is paused holds up its connection, and nothing else', async () => {
    const server = await startExchangeServer(scope);
    const socket = await server.open();
    const inbox = new Inbox(socket);
    socket.write(head(1, { keep: true }));
    const first = await until(() => server.requests[0], { what: 'the request' });
    first.exchange.pauseBody();
    socket.write(Buffer.concat([stdin(1, 'body'), request(2, '', { keep: true })]));
    const other = await server.open();
    other.write(request(1));
    await until(() => server.requests.length === 2, { what: 'the request on the other connection' });
    assert.equal(first.body, '');
    // The answer goes on meanwhile.
    first.exchange.write(Buffer.from('answer'));
    await until(() => inbox.stdout(1) === 'answer', { what: 'the answer' });
    first.exchange.resumeBody();
    await until(() => server.requests.length === 3 && first.body === 'body', { what: 'what was held up' });
    // One that has ended holds up nobody, whatever it said last.
    first.exchange.pauseBody();
    first.exchange.end();
    socket.write(request(3, '', { keep: true }));
    await until(() => server.requests.length === 4, { what: 'the next request' });
    for (const { exchange } of server.requests) exchange.end();
  });

  await scope.test('all answers of a connection wait for it, and all go on', async () => {
    const answers = new Map<string, ReturnType<typeof largeAnswer>>();
    const server = await startExchangeServer(scope, {
      happened(seen, what) {
        const id = seen.params.get('ID') ?? '';
        if (!answers.has(id)) answers.set(id, largeAnswer());
        answers.get(id)?.happened(seen, what);
      },
    });
    const ids = [1, 2, 3];
    const { read } = await deaf(server, Buffer.concat(ids.map(id => request(id, '', { keep: true }))));
    await until(() => answers.size === 3, { what: 'the answers to begin' });
    const pieces = (): number => [...answers.values()].reduce((sum, it) => sum + it.pieces, 0);
    assert.ok((await settled(pieces)) < PIECES);
    const inbox = read();
    await inbox.ended(3);
    for (const id of ids) assert.equal(inbox.stdout(id).length, PIECES * PIECE.length);
  });

  await scope.test('what scripts say on stderr is dropped where the client does not keep up', async () => {
    const server = await startExchangeServer(scope);
    const { read } = await deaf(server, request(1));
    const seen = await until(() => server.requests[0], { what: 'the request' });
    for (let i = 0; i < PIECES; i++) seen.exchange.writeError(PIECE);
    seen.exchange.write(Buffer.from('answer'));
    seen.exchange.end();
    const inbox = read();
    await inbox.closed();
    assert.equal(inbox.stdout(1), 'answer');
    const bytes = inbox.stderr(1).length;
    assert.ok(bytes > 0 && bytes < (PIECES * PIECE.length) / 2, `${bytes} bytes of stderr`);
  });

  await scope.test('a client that asks and asks and never reads is not read any more', async () => {
    const server = await startExchangeServer(scope);
    const { socket, read } = await deaf(server, management(99));
    // Questions that are long: what reads them is faster than what sends.
    const question = management(99, Buffer.alloc(1000));
    const questions = Buffer.concat(Array.from({ length: 100 }, () => question));
    let taken = 0;
    for (let i = 0; i < 200; i++) socket.write(questions, () => taken++);
    await until(() => taken > 0, { what: 'the first ones to be read' });
    assert.ok((await settled(() => taken, 25)) < 200);
    const inbox = read();
    await until(() => taken === 200, { what: 'the rest to be read' });
    await until(() => inbox.bytes.length === 20_001 * 16, { what: 'all answers', deadlineMs: 30_000 });
    assert.equal(inbox.records[0]?.type, RECORD.unknownType);
  });

  await scope.test('a client that goes away while its answer waits is noticed', async () => {
    const answer = largeAnswer();
    const server = await startExchangeServer(scope, { happened: answer.happened });
    const { socket } = await deaf(server, request(1));
    await until(() => answer.pieces > 0, { what: 'the answer to begin' });
    await settled(() => answer.pieces);
    socket.destroy();
    const seen = await until(() => server.requests[0], { what: 'the request' });
    await until(() => seen.isGone, { what: 'it to be noticed' });
  });
});
