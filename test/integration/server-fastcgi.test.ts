/** FastCGI on real sockets: what web servers do, what they may do, and what none should. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { RECORD, ROLE } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { type ExchangeServer, type SeenRequest, startExchangeServer } from '../lib/exchange-server.ts';
import { abort, begin, head, Inbox, management, request, stdin, stdinEnd } from '../lib/fastcgi-records.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

const OVERLOADED = 2;
const UNKNOWN_ROLE = 3;

/** Says what it got, as soon as it has all. */
function echo({ exchange, params, body }: SeenRequest, what: string): void {
  if (what !== 'bodyEnd') return;
  exchange.write(Buffer.from(`${params.get('ID')}:${body}`, 'latin1'));
  exchange.end(7);
}

async function converse(server: ExchangeServer, ...pieces: Buffer[]): Promise<[Socket, Inbox]> {
  const socket = await server.open();
  const inbox = new Inbox(socket);
  for (const piece of pieces) socket.write(piece);
  return [socket, inbox];
}

async function nth(server: ExchangeServer, index: number): Promise<SeenRequest> {
  return until(() => server.requests[index], { what: `request ${index}` });
}

for (const transport of ['unix', 'tcp'] as const) {
  suite(`integration/server-fastcgi-${transport}`, {}, async scope => {
    await scope.test('a request is answered, its status told, and the connection closed', async () => {
      const server = await startExchangeServer(scope, { transport, happened: echo });
      const [, inbox] = await converse(server, request(1, 'hello'));
      await inbox.closed();
      assert.equal(inbox.stdout(1), '1:hello');
      assert.deepEqual(inbox.ends, [[1, 0, 7]]);
      assert.deepEqual(server.complaints, []);
    });

    await scope.test('bytes that arrive one by one are the same request', async () => {
      const server = await startExchangeServer(scope, { transport, happened: echo });
      const bytes = request(300, 'hello', { params: [['ID', 'x'.repeat(200)]], keep: true });
      const [socket, inbox] = await converse(server);
      // Each is read before the next one is sent: a socket would put them together again.
      for (const byte of bytes) {
        const isTaken = new Promise<void>(resolve => socket.write(Buffer.of(byte), () => resolve()));
        await isTaken;
        await new Promise(resolve => setImmediate(resolve));
      }
      await inbox.ended(1);
      assert.equal(inbox.stdout(300), `${'x'.repeat(200)}:hello`);
    });

    await scope.test('cut in two at every byte it is the same request', async () => {
      const server = await startExchangeServer(scope, { transport, happened: echo });
      const bytes = request(1, 'hello', { keep: true });
      const [socket, inbox] = await converse(server);
      for (let at = 1; at < bytes.length; at++) {
        await new Promise<void>(resolve => socket.write(bytes.subarray(0, at), () => resolve()));
        await new Promise(resolve => setImmediate(resolve));
        socket.write(bytes.subarray(at));
        await inbox.ended(at);
      }
      assert.equal(inbox.stdout(1), '1:hello'.repeat(bytes.length - 1));
    });

    await scope.test('requests of one connection are answered in any order, and keep it', async () => {
      const server = await startExchangeServer(scope, { transport });
      const ids = [1, 65_535, 7];
      const [socket, inbox] = await converse(server, ...ids.map(id => request(id, '', { keep: true })));
      await nth(server, 2);
      for (const index of [2, 0, 1]) {
        server.requests[index]?.exchange.write(Buffer.from(`answer ${index}`));
        server.requests[index]?.exchange.end();
      }
      await inbox.ended(3);
      assert.deepEqual(
        inbox.ends.map(([id]) => id),
        [7, 1, 65_535],
      );
      assert.deepEqual(
        ids.map(id => inbox.stdout(id)),
        ['answer 0', 'answer 1', 'answer 2'],
      );
      socket.write(request(1, 'again', { keep: true }));
      const again = await nth(server, 3);
      await until(() => again.hasWholeBody, { what: 'its body' });
      again.exchange.end();
      await inbox.ended(4);
      assert.equal(inbox.isEnded, false);
    });

    await scope.test('bodies that come mixed, and answers that go mixed, are each their own', async () => {
      const server = await startExchangeServer(scope, { transport });
      const [, inbox] = await converse(
        server,
        head(1, { keep: true }),
        head(2, { keep: true }),
        stdin(1, 'one '),
        stdin(2, 'two '),
        stdin(1, 'more'),
        stdinEnd(2),
        stdinEnd(1),
      );
      const first = await nth(server, 0);
      const second = await nth(server, 1);
      await until(() => first.hasWholeBody && second.hasWholeBody, { what: 'both bodies' });
      assert.deepEqual([first.body, second.body], ['one more', 'two ']);
      for (const text of ['a', 'b']) {
        first.exchange.write(Buffer.from(`1${text}`));
        second.exchange.write(Buffer.from(`2${text}`));
        second.exchange.writeError(Buffer.from(`e${text}`));
      }
      second.exchange.end(1);
      first.exchange.end(0xffffffff);
      await inbox.ended(2);
      assert.deepEqual([inbox.stdout(1), inbox.stdout(2), inbox.stderr(2)], ['1a1b', '2a2b', 'eaeb']);
      assert.deepEqual(inbox.ends, [
        [2, 0, 1],
        [1, 0, 0xffffffff],
      ]);
    });

    await scope.test(
      'of several requests one that was not to keep the connection ends it, last of all',
      async () => {
        const server = await startExchangeServer(scope, { transport });
        const [socket, inbox] = await converse(server, request(1), request(2, '', { keep: true }));
        await nth(server, 1);
        server.requests[0]?.exchange.end();
        await inbox.ended(1);
        socket.write(request(3));
        await inbox.ended(2);
        assert.deepEqual(inbox.ends, [
          [1, 0, 0],
          [3, OVERLOADED, 0],
        ]);
        server.requests[1]?.exchange.end();
        await inbox.closed();
        assert.equal(server.requests.length, 2);
      },
    );

    await scope.test('authorizer, filter and roles that nobody knows are refused', async () => {
      const server = await startExchangeServer(scope, { transport, happened: echo });
      const roles = [ROLE.authorizer, ROLE.filter, 77];
      const [socket, inbox] = await converse(
        server,
        ...roles.map((role, index) => request(index + 1, 'body', { role, keep: true })),
      );
      await inbox.ended(3);
      assert.deepEqual(
        inbox.ends.map(([, status]) => status),
        [UNKNOWN_ROLE, UNKNOWN_ROLE, UNKNOWN_ROLE],
      );
      socket.write(request(1, '', { role: ROLE.filter }));
      await inbox.closed();
      assert.equal(server.requests.length, 0);
    });

    await scope.test('what is asked of the program is answered, and unknown questions too', async () => {
      const server = await startExchangeServer(scope, { transport, maxRequests: 12, happened: echo });
      const names = ['FCGI_MPXS_CONNS', 'FCGI_MAX_REQS', 'NONSENSE', 'FCGI_MAX_CONNS', 'FCGI_MAX_REQS'];
      const [socket, inbox] = await converse(
        server,
        management(RECORD.getValues, encodePairs(names.map(name => [name, '']))),
        management(RECORD.getValues, encodePairs([])),
        management(99, Buffer.from('what is this')),
      );
      await until(() => inbox.records.length === 3, { what: 'three answers' });
      const [values, none, unknown] = inbox.records;
      assert.deepEqual(
        [values?.type, values?.content],
        [
          RECORD.getValuesResult,
          encodePairs([
            ['FCGI_MAX_CONNS', '12'],
            ['FCGI_MAX_REQS', '12'],
            ['FCGI_MPXS_CONNS', '1'],
          ]),
        ],
      );
      assert.deepEqual([none?.type, none?.content.length], [RECORD.getValuesResult, 0]);
      assert.deepEqual([unknown?.type, unknown?.content[0]], [RECORD.unknownType, 99]);
      socket.write(request(1, 'afterwards'));
      await inbox.closed();
      assert.equal(inbox.stdout(1), '1:afterwards');
    });

    await scope.test(
      'an aborted request is gone for its handler, ended for the client, and no other is',
      async () => {
        const server = await startExchangeServer(scope, { transport });
        const [socket, inbox] = await converse(server, head(1, { keep: true }), head(2, { keep: true }));
        const [first, second] = [await nth(server, 0), await nth(server, 1)];
        socket.write(
          Buffer.concat([begin(3, { keep: true }), abort(3), abort(1), stdin(1, 'late'), abort(9)]),
        );
        await inbox.ended(2);
        assert.deepEqual(inbox.ends, [
          [3, 0, 0],
          [1, 0, 0],
        ]);
        assert.deepEqual([first.isGone, second.isGone], [true, false]);
        // What its handler still says goes nowhere.
        assert.equal(first.exchange.write(Buffer.from('late')), false);
        first.exchange.end();
        first.exchange.fail();
        second.exchange.end();
        await inbox.ended(3);
        assert.deepEqual([inbox.stdout(1), first.body], ['', '']);
      },
    );

    await scope.test('more requests than may be open are refused, and the others answered', async () => {
      const server = await startExchangeServer(scope, { transport, maxRequestsPerConnection: 2 });
      const [, inbox] = await converse(server, ...[1, 2, 3].map(id => request(id, '', { keep: true })));
      await inbox.ended(1);
      assert.deepEqual(inbox.ends, [[3, OVERLOADED, 0]]);
      for (const { exchange } of server.requests) exchange.end();
      await inbox.ended(3);
    });

    for (const [name, bytes, complaint] of [
      ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'), /version 71 instead of 1/],
      ['too many variables', head(1, { params: [['A', 'x'.repeat(5_000)]] }), /exceed 4096 bytes/],
      ['a request that is begun twice', Buffer.concat([begin(1), begin(1)]), /request 1 is begun twice/],
    ] as const) {
      await scope.test(`${name}: closed, said once, and others are served`, async () => {
        const server = await startExchangeServer(scope, { transport, maxParamsBytes: 4096, happened: echo });
        const [, inbox] = await converse(server, bytes);
        await inbox.closed();
        assert.equal(inbox.bytes.length, 0);
        assert.equal(server.complaints.length, 1);
        assert.match(server.complaints[0] ?? '', complaint);
        const [, other] = await converse(server, request(1, 'fine'));
        await other.closed();
        assert.equal(other.stdout(1), '1:fine');
      });
    }

    await scope.test(
      'what breaks the protocol ends the requests that are open on the connection',
      async () => {
        const server = await startExchangeServer(scope, { transport });
        await converse(server, request(1), head(2), Buffer.from('nonsense'));
        await until(() => server.requests.length === 2 && server.requests.every(({ isGone }) => isGone), {
          what: 'both to be gone',
        });
        assert.equal(server.complaints.length, 1);
      },
    );

    await scope.test(
      'an answer that broke off has no end, and others of the connection have theirs',
      async () => {
        const server = await startExchangeServer(scope, { transport });
        const [, inbox] = await converse(server, ...[1, 2].map(id => request(id, '', { keep: true })));
        await nth(server, 1);
        server.requests[0]?.exchange.write(Buffer.from('half of'));
        server.requests[0]?.exchange.fail();
        server.requests[1]?.exchange.write(Buffer.from('all'));
        await until(() => inbox.stdout(2) === 'all', { what: 'the other answer' });
        server.requests[1]?.exchange.end();
        await inbox.closed();
        assert.deepEqual(
          inbox.ends.filter(([id]) => id === 1),
          [],
        );
      },
    );

    await scope.test('a client that goes away is noticed while its body is paused', async () => {
      const server = await startExchangeServer(scope, {
        transport,
        happened: ({ exchange }, what) => what === 'begin' && exchange.pauseBody(),
      });
      const [socket] = await converse(server, head(1), stdin(1, 'x'.repeat(1000)));
      const seen = await nth(server, 0);
      socket.destroy();
      await until(() => seen.isGone, { what: 'it to be noticed' });
      assert.deepEqual(server.complaints, []);
    });

    await scope.test('a stop waits for what is open and for the request that is to come', async () => {
      const server = await startExchangeServer(scope, { transport });
      const [, busy] = await converse(server, request(1, '', { keep: true }));
      const [idleSocket, idle] = await converse(server, request(1, '', { keep: true }));
      const [freshSocket, fresh] = await converse(server);
      await nth(server, 1);
      server.requests[1]?.exchange.end();
      await idle.ended(1);
      // All three were accepted: the last one, when its successor was.
      const [, last] = await converse(server, request(1));
      await nth(server, 2);
      let isStopped = false;
      const stopped = server.server.stop().then(() => {
        isStopped = true;
      });
      await idle.closed();
      idleSocket.destroy();
      freshSocket.write(request(1, '', { keep: true }));
      await nth(server, 3);
      for (const index of [0, 2]) server.requests[index]?.exchange.end();
      await Promise.all([busy.closed(), last.closed()]);
      assert.equal(isStopped, false);
      server.requests[3]?.exchange.end();
      await fresh.closed();
      await stopped;
    });
  });
}

suite('integration/server-fastcgi-half-close', {}, async scope => {
  await scope.test('over a Unix socket the answer is still sent', async () => {
    const server = await startExchangeServer(scope);
    const [socket, inbox] = await converse(server, request(1, 'all', { keep: true }));
    socket.end();
    const seen = await nth(server, 0);
    await until(() => seen.hasWholeBody, { what: 'its body' });
    seen.exchange.write(Buffer.from('answer'));
    seen.exchange.end();
    await inbox.closed();
    assert.deepEqual([inbox.stdout(1), seen.isGone], ['answer', false]);
  });

  await scope.test('within a request it is cut, and said', async () => {
    const server = await startExchangeServer(scope);
    const [socket, inbox] = await converse(server, head(1), stdin(1, 'half'));
    socket.end();
    await inbox.closed();
    assert.equal(server.requests[0]?.isGone, true);
    assert.match(server.complaints.join(), /ended within a request/);
  });

  await scope.test('without a request nothing is said', async () => {
    const server = await startExchangeServer(scope);
    const [socket, inbox] = await converse(server);
    socket.end();
    await inbox.closed();
    assert.deepEqual(server.complaints, []);
  });

  await scope.test('over TCP it is the end of the client', async () => {
    const server = await startExchangeServer(scope, { transport: 'tcp' });
    const [socket, inbox] = await converse(server, request(1, 'all'));
    const seen = await nth(server, 0);
    socket.end();
    await until(() => seen.isGone, { what: 'it to be noticed' });
    await inbox.closed();
    assert.deepEqual(server.complaints, []);
  });
});

suite('integration/server-unfinished', {}, async scope => {
  for (const [protocol, complete] of [
    ['fastcgi', request(1, '', { keep: true })],
    ['scgi', encodeScgiHead(5, [])],
  ] as const) {
    await scope.test(
      `${protocol}: who brings no whole request in time is sent away, however often a byte comes`,
      async () => {
        const server = await startExchangeServer(scope, { protocol, requestWithinMs: 200 });
        const [busySocket, busy] = await converse(server, complete);
        const seen = await nth(server, 0);
        const [, silent] = await converse(server);
        const [slowSocket, slow] = await converse(server);
        let sent = 0;
        const drip = setInterval(() => slowSocket.write(complete.subarray(sent, ++sent)), 100);
        scope.defer(() => clearInterval(drip));
        await Promise.all([silent.closed(), slow.closed()]);
        clearInterval(drip);
        assert.ok(sent < complete.length);
        assert.deepEqual(
          server.complaints.map(it => /no complete request came within 0.2 s/.test(it)),
          [true, true],
        );
        // Who has brought one may take any time, for its body and for the next request.
        assert.deepEqual([seen.isGone, busy.isEnded], [false, false]);
        seen.exchange.end();
        if (protocol === 'scgi') return;
        await busy.ended(1);
        const [, later] = await converse(server);
        await later.closed();
        busySocket.write(complete);
        await nth(server, 1);
        server.requests[1]?.exchange.end();
        await busy.ended(2);
      },
    );
  }
});
