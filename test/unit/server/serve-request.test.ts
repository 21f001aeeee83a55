/** What a handler gets: the request as the web knows it, in both protocols. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { until } from '../../lib/poll.ts';
import { suite } from '../../lib/suite.ts';
import { begun, PROTOCOLS, startServing, stdin } from './serving.ts';

for (const protocol of PROTOCOLS) {
  suite(`unit/server/serve: the request over ${protocol}`, {}, async scope => {
    const { ask } = startServing(
      scope,
      async (request, { params, remoteAddress }) =>
        Response.json({
          method: request.method,
          url: request.url,
          headers: Object.fromEntries(request.headers),
          hasBody: request.body !== null,
          body: await request.text(),
          params: Object.fromEntries(params),
          remoteAddress,
        }),
      { protocol },
    );
    const asked = async (...args: Parameters<typeof ask>): Promise<Record<string, unknown>> =>
      JSON.parse((await ask(...args)).text) as Record<string, unknown>;

    await scope.test('method, address, fields, variables and who asks', async () => {
      const request = await asked({
        REQUEST_URI: '/a/b?c=d',
        HTTP_X_TWO_WORDS: Buffer.from('\xe4', 'latin1'),
        HTTP_COOKIE: 'a=1; b=2',
        REMOTE_ADDR: '192.0.2.7',
        DOCUMENT_ROOT: '/srv/ä',
        CONTENT_TYPE: '',
      });
      assert.equal(request.method, 'GET');
      assert.equal(request.url, 'http://example.org/a/b?c=d');
      assert.equal(request.remoteAddress, '192.0.2.7');
      const fields = request.headers as Record<string, string>;
      assert.equal(fields['x-two-words'], 'ä');
      assert.equal(fields.cookie, 'a=1; b=2');
      assert.equal(fields.host, 'example.org');
      assert.equal(fields['content-type'], undefined);
      assert.equal((request.params as Record<string, string>).DOCUMENT_ROOT, '/srv/ä');
    });

    await scope.test('a body and what describes it', async () => {
      const body = Buffer.from('ä'.repeat(100_000));
      const request = await asked(
        { REQUEST_METHOD: 'POST', CONTENT_TYPE: 'text/plain', HTTP_CONTENT_TYPE: 'text/plain' },
        body,
      );
      assert.equal(request.body, body.toString());
      const fields = request.headers as Record<string, string>;
      assert.equal(fields['content-length'], String(body.length));
      assert.equal(fields['content-type'], 'text/plain');
    });

    await scope.test('no body is null, whatever the method', async () => {
      for (const REQUEST_METHOD of ['GET', 'POST', 'DELETE', 'OPTIONS', 'purge'])
        for (const CONTENT_LENGTH of ['', '0']) {
          const { hasBody, method } = await asked({ REQUEST_METHOD, CONTENT_LENGTH });
          assert.deepEqual({ hasBody, method }, { hasBody: false, method: REQUEST_METHOD });
        }
    });

    await scope.test('what comes with a GET is passed over: Request has no room for it', async () => {
      assert.equal((await asked({}, Buffer.alloc(200_000))).hasBody, false);
    });

    await scope.test('Proxy of a client is nowhere (httpoxy)', async () => {
      const request = await asked({ HTTP_PROXY: 'http://evil.org/' });
      assert.equal((request.headers as Record<string, string>).proxy, undefined);
      assert.equal((request.params as Record<string, string>).HTTP_PROXY, undefined);
    });

    await scope.test('what no program gets to see is answered for it', async t => {
      const log = t.mock.method(console, 'error', () => {});
      const refused: readonly (readonly [number, Record<string, string>])[] = [
        [400, { HTTP_HOST: 'a/b' }],
        [400, { HTTP_X: 'a\nb' }],
        [400, { 'HTTP_A B': 'c' }],
        [400, { REQUEST_METHOD: 'G T' }],
        [501, { REQUEST_METHOD: 'CONNECT' }],
        [501, { REQUEST_METHOD: 'TRACE' }],
        [501, { REQUEST_METHOD: 'track' }],
      ];
      for (const [status, variables] of refused) {
        const { head, text } = await ask(variables);
        assert.equal(head.status, status, JSON.stringify(variables));
        assert.match(text, /^[A-Z][^\n]+\.\n$/);
        assert.equal(head.contentType, 'text/plain;charset=UTF-8');
      }
      assert.equal(log.mock.callCount(), 0, 'a client that errs is nothing for the log');
      assert.equal((await ask()).head.status, 200);
    });

    await scope.test('a web server that sends no variables is told of in the log', async t => {
      const log = t.mock.method(console, 'error', () => {});
      const { head } = await ask({ REQUEST_METHOD: '' });
      assert.equal(head.status, 500);
      assert.match(String(log.mock.calls[0]?.arguments[0]), /include fastcgi_params/);
    });
  });
}

suite('unit/server/serve: bodies of FastCGI', {}, async scope => {
  const { ask, open } = startServing(scope, async request => {
    try {
      return new Response(`${request.body === null ? 'none' : await request.text()}\n`);
    } catch (error) {
      return new Response(`failed: ${String(error)}\n`);
    }
  });

  await scope.test('one whose length nobody said is as long as it is', async () => {
    const body = Readable.from([Buffer.from('ab'), Buffer.from('cd')]);
    assert.equal((await ask({ REQUEST_METHOD: 'POST' }, body)).text, 'abcd\n');
  });

  const post = { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '4' };
  const answer = async (...records: readonly Buffer[]): Promise<string> => {
    const socket = open();
    socket.end(Buffer.concat(records));
    let all = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      all += text;
    });
    await once(socket, 'end');
    return all;
  };

  await scope.test('bytes beyond CONTENT_LENGTH are not part of it', async () => {
    assert.match(
      await answer(begun(post), stdin(Buffer.from('ab')), stdin(Buffer.from('cdEF')), stdin(null)),
      /[^a-z]abcd\n/,
    );
  });

  await scope.test('one that ends before CONTENT_LENGTH is an error for whoever reads it', async () => {
    assert.match(
      await answer(begun(post), stdin(Buffer.from('abc')), stdin(null)),
      /[^a-z]failed: Error: the body of the request ended 1 bytes before its end\n/,
    );
  });

  await scope.test('a CONTENT_LENGTH that is no number is refused', async () => {
    for (const CONTENT_LENGTH of ['x', '-1', '1e3', '1.5', ' 1', '99999999999999999999'])
      assert.match(await answer(begun({ ...post, CONTENT_LENGTH }), stdin(null)), /Status: 400 Bad Request/);
  });

  await scope.test(
    'it can be read into buffers of the reader, who hears of the end while waiting',
    async () => {
      let said = '';
      const byob = startServing(scope, async request => {
        const reader = request.body?.getReader({ mode: 'byob' });
        for (;;) {
          const read = await reader?.read(new Uint8Array(3));
          if (read === undefined || read.done) return new Response(`${said}.`);
          said += `${Buffer.from(read.value).toString()},`;
        }
      });
      const socket = byob.open();
      socket.write(Buffer.concat([begun({ REQUEST_METHOD: 'POST' }), stdin(Buffer.from('abcd'))]));
      await until(() => said === 'abc,d,', { what: 'the pieces to be read' });
      socket.end(stdin(null));
      assert.match(await text(socket), /abc,d,\./);
    },
  );
});
