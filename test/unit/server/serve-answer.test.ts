/** What becomes of the Response that a handler returns, and of what it throws. */
import assert from 'node:assert/strict';
import { suite } from '../../lib/suite.ts';
import { PROTOCOLS, startServing } from './serving.ts';

/** A Response of some other library. */
class ForeignResponse {
  readonly status: number = 200;
  readonly statusText: string = 'b\r\nad';
  readonly headers: Headers = new Headers({ a: 'b' });
  readonly body: null = null;
  readonly bodyUsed: boolean = false;
  readonly [Symbol.toStringTag]: string = 'Response';
}

class BadForeignResponse extends ForeignResponse {
  override readonly headers: Headers = [['a', 'b\r\nc: d']] as unknown as Headers;
}

const ANSWERS: Readonly<Record<string, () => unknown>> = {
  '/cookies': () => {
    const headers = new Headers({ 'Set-Cookie': 'a=1' });
    headers.append('Set-Cookie', 'b=2');
    headers.append('X', 'ä');
    return new Response('', { headers });
  },
  '/no-content': () => new Response(null, { status: 204 }),
  '/not-modified': () => new Response(null, { status: 304, headers: { etag: '"x"' } }),
  '/redirect': () => Response.redirect('https://example.org/ä', 303),
  '/local': () => new Response(null, { status: 302, headers: { location: '/x' } }),
  '/created': () => new Response('', { status: 201, headers: { location: '/x' } }),
  '/reason': () => new Response('', { status: 299, statusText: 'Good enough' }),
  '/passed-on': () =>
    new Response('x', {
      headers: { connection: 'close', 'transfer-encoding': 'chunked', status: '404', upgrade: 'x', te: 'x' },
    }),
  '/foreign': () => new ForeignResponse(),
  '/bytes': () => new Response(Buffer.alloc(3_000_000, 'x')),
  '/undefined': () => undefined,
  '/text': () => 'text',
  '/object': () => ({ status: 200 }),
  '/error': () => Response.error(),
  '/bad-foreign': () => new BadForeignResponse(),
  '/throw': () => {
    throw new TypeError('no\nsuch thing', { cause: new Error('because') });
  },
  '/reject': () => Promise.reject(new Error('rejected')),
  '/throw-null': () => {
    throw null;
  },
  '/throw-odd': () => {
    throw Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('twice');
      },
    });
  },
};

for (const protocol of PROTOCOLS) {
  suite(`unit/server/serve: the answer over ${protocol}`, {}, async scope => {
    const cancelled: string[] = [];
    const shared = new Response('once');
    const { ask } = startServing(
      scope,
      ({ url, method }, { writeError }) => {
        const { pathname } = new URL(url);
        if (pathname === '/shared') return shared;
        if (pathname === '/stderr') writeError('to the web server\n');
        const cancel = (): void => void cancelled.push(`${method} ${pathname}`);
        if (pathname === '/stream-fails') return new Response(failing(cancel));
        if (pathname === '/stream-of-text') return new Response(texts(cancel));
        if (pathname === '/endless') return new Response(new ReadableStream({ pull: () => {}, cancel }));
        const answer =
          ANSWERS[pathname] ?? (() => new Response('ok', { headers: { 'content-length': '2' } }));
        return answer() as Response;
      },
      { protocol },
    );
    const get = (REQUEST_URI: string, REQUEST_METHOD = 'GET'): ReturnType<typeof ask> =>
      ask({ REQUEST_URI, REQUEST_METHOD });

    await scope.test('every Set-Cookie is a field of its own, and bytes are Latin-1', async () => {
      const { fields } = await get('/cookies');
      assert.deepEqual(
        fields.filter(([name]) => name !== 'content-type'),
        [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['x', 'ä'],
        ],
      );
    });

    await scope.test('HEAD has the fields and no body, and what would make one hears of it', async () => {
      const { head, text } = await get('/', 'HEAD');
      assert.deepEqual([head.contentLengthBytes, text], [2, '']);
      assert.equal((await get('/endless', 'HEAD')).text, '');
      assert.deepEqual(cancelled.splice(0), ['HEAD /endless']);
    });

    await scope.test('204 and 304 have no body', async () => {
      for (const [path, status] of [
        ['/no-content', 204],
        ['/not-modified', 304],
      ] as const) {
        const { head, text } = await get(path);
        assert.deepEqual([head.status, text], [status, '']);
      }
    });

    await scope.test("redirects are the program's own, also within the site", async () => {
      for (const [path, status, location] of [
        ['/redirect', 303, 'https://example.org/%C3%A4'],
        ['/local', 302, '/x'],
        ['/created', 201, '/x'],
      ] as const) {
        const { head } = await get(path);
        assert.deepEqual(
          [head.kind, head.status, head.location],
          ['client-redirect-document', status, location],
        );
      }
    });

    await scope.test('a reason is passed on; where it cannot be, the usual one', async () => {
      const reason = async (path: string): Promise<string> => (await get(path)).head.reason;
      assert.equal(await reason('/reason'), 'Good enough');
      assert.equal(await reason('/local'), 'Found');
      assert.equal(await reason('/foreign'), 'OK');
    });

    await scope.test('what belongs to another connection, and Status, are left out', async () => {
      const { head, fields } = await get('/passed-on');
      assert.equal(head.status, 200);
      assert.deepEqual(fields, [['content-type', 'text/plain;charset=UTF-8']]);
    });

    await scope.test('a large body in one piece arrives whole', async () => {
      assert.equal((await get('/bytes')).text.length, 3_000_000);
    });

    if (protocol === 'fastcgi')
      await scope.test("writeError reaches the web server's log", async () => {
        assert.equal((await get('/stderr')).stderr, 'to the web server\n');
      });

    const FAILURES: Readonly<Record<string, RegExp>> = {
      '/undefined': /returned undefined, not a Response/,
      '/text': /returned a string, not a Response/,
      '/object': /returned a value of Object, not a Response/,
      '/error': /a Response with the status 0/,
      '/bad-foreign': /the value of a cannot stand in a header line/,
      '/throw': /TypeError: no such thing; caused by Error: because \(.*serve-answer\.test\.ts:\d+:\d+\)$/,
      '/reject': /Error: rejected \(/,
      '/throw-null': /thrown: null/,
      '/throw-odd': /an error that cannot be shown/,
    };
    for (const [path, why] of Object.entries(FAILURES)) {
      await scope.test(`${path} is 500 for the client and one line for the log`, async t => {
        const log = t.mock.method(console, 'error', () => {});
        const { head, text, fields } = await get(path);
        assert.equal(head.status, 500);
        assert.equal(text, 'Internal Server Error\n');
        assert.deepEqual(fields, [['content-type', 'text/plain;charset=UTF-8']]);
        const lines = log.mock.calls.map(call => String(call.arguments[0]));
        assert.equal(lines.length, 1);
        assert.match(lines[0] ?? '', new RegExp(`^fpm-ts/responder: GET ${path}: `));
        assert.match(lines[0] ?? '', why);
        assert.doesNotMatch(lines[0] ?? '', /\n/);
      });
    }

    await scope.test('a Response that is returned twice is explained', async t => {
      const log = t.mock.method(console, 'error', () => {});
      const statuses = [(await get('/shared')).head.status, (await get('/shared')).head.status];
      assert.deepEqual(statuses, [200, 500]);
      assert.match(String(log.mock.calls.at(-1)?.arguments[0]), /each request needs its own/);
    });

    for (const [path, why] of [
      ['/stream-fails', /Error: in the middle/],
      ['/stream-of-text', /has a string in it, not bytes: .*TextEncoderStream/],
    ] as const) {
      await scope.test(`${path}: an answer that has begun is cut`, async t => {
        const log = t.mock.method(console, 'error', () => {});
        const { head, isWhole } = await get(path);
        // SCGI has no end of its own: over a Unix socket a cut is not told from an end.
        assert.deepEqual([head.status, isWhole], [200, protocol === 'scgi']);
        assert.match(String(log.mock.calls[0]?.arguments[0]), why);
        assert.equal(log.mock.callCount(), 1);
        assert.deepEqual(cancelled.splice(0), path === '/stream-of-text' ? [`GET ${path}`] : []);
      });
    }
  });
}

function failing(cancel: () => void): ReadableStream<Uint8Array> {
  let pieces = 0;
  return new ReadableStream({
    pull(controller) {
      pieces += 1;
      if (pieces > 3) throw new Error('in the middle');
      controller.enqueue(Buffer.alloc(1000));
    },
    cancel,
  });
}

function texts(cancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<string>({
    pull: controller => controller.enqueue('text'),
    cancel,
  }) as unknown as ReadableStream<Uint8Array>;
}
