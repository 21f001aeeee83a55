/** The HTTP front before real programs, and between an HTTP client and a program that both misbehave. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { Deferred } from '../../../src/client/deferred.ts';
import { createFront, DEFAULT_FRONT_OPTIONS, type FrontOptions } from '../../../src/client/http-front.ts';
import { listenOnFree } from '../../../src/client/listen-free.ts';
import type { PoolTarget } from '../../../src/client/pool-target.ts';
import { encodeEnd, encodeStdout, FastcgiServerReader } from '../../../src/protocols/fastcgi/server.ts';
import { placeFixture } from '../../lib/fixtures.ts';
import { ask, md5, upload } from '../../lib/http.ts';
import { until } from '../../lib/poll.ts';
import { type Scope, suite } from '../../lib/suite.ts';
import { poolAt, startPeer, startProgram } from './programs.ts';

const MEGABYTE = 1024 * 1024;
const END = encodeEnd(1, { appStatus: 0, protocolStatus: 0 });
const stdout = (said: string): Buffer => Buffer.concat(encodeStdout(1, Buffer.from(said)));

interface Front {
  readonly url: string;
  readonly port: number;
  readonly failures: string[];
}

async function startFront(scope: Scope, pool: PoolTarget, more: Partial<FrontOptions> = {}): Promise<Front> {
  const failures: string[] = [];
  const server = createFront(pool, {
    ...DEFAULT_FRONT_OPTIONS,
    onFailure: line => failures.push(line),
    onStderr: () => {},
    ...more,
  });
  const { port } = await listenOnFree(server, { host: '127.0.0.1', port: 0 });
  scope.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${port}`, port, failures };
}

/** Sends the bytes and gives all that comes back until the connection closes. */
async function raw(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(sent);
  return await text(socket);
}

suite('unit/client/http-front: php-cgi', { needs: ['php-cgi', 'spawn-fcgi'] }, async scope => {
  const documentRoot = placeFixture(scope, 'php');
  const php = await startProgram(scope, 'php', ['/usr/bin/php-cgi', '-d', 'post_max_size=0']);
  const front = await startFront(scope, poolAt(php.address, { documentRoot }));

  await scope.test('GET, with what the front knows of the request', async () => {
    const answer = await ask(`${front.url}/echo.php?a=1`);
    assert.equal(answer.status, 200);
    const said = JSON.parse(answer.text) as Record<string, unknown>;
    assert.equal(said.script, `${documentRoot}/echo.php`);
    assert.deepEqual(said.query, { a: '1' });
  });

  await scope.test('POST of 10 MB, with its length and chunked', async () => {
    const body = randomBytes(10_000_000);
    const expected = { length: body.length, md5: md5(body) };
    assert.deepEqual(JSON.parse((await ask(`${front.url}/body.php`, { body })).text), expected);
    const outgoing = httpRequest(`${front.url}/body.php`, { method: 'PUT', agent: false });
    outgoing.write(body.subarray(0, 100));
    outgoing.end(body.subarray(100));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.deepEqual(JSON.parse(await text(incoming)), expected);
  });

  await scope.test('an upload', async () => {
    const content = randomBytes(100_000);
    const answer = await upload(`${front.url}/upload.php`, [{ field: 'f', name: 'x.bin', content }]);
    assert.deepEqual(JSON.parse(answer.text), {
      f: { name: 'x.bin', error: 0, size: content.length, md5: md5(content) },
    });
  });

  await scope.test('404 comes through', async () => {
    const answer = await ask(`${front.url}/missing.php`);
    assert.equal(answer.status, 404);
    assert.equal(answer.text, 'nothing here');
  });

  await scope.test('HEAD has the head and no body', async () => {
    const answer = await raw(
      front.port,
      'HEAD /missing.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 404 /);
    assert.ok(answer.endsWith('\r\n\r\n'), answer);
  });

  await scope.test('two requests over one connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports: (number | undefined)[] = [];
    for (const target of ['/echo.php', '/missing.php']) {
      const outgoing = httpRequest(`${front.url}${target}`, { agent });
      outgoing.end();
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      ports.push(incoming.socket.localPort);
      await text(incoming);
    }
    agent.destroy();
    assert.equal(ports[0], ports[1]);
  });

  await scope.test('paths above the root and two hosts are 400', async () => {
    for (const target of ['/../x', '/%2e%2e/x', '/a%2f..%2f..%2fb', '/%00', '*']) {
      const answer = await raw(front.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 400 /, target);
    }
    const hosts = await raw(front.port, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n');
    assert.match(hosts, /^HTTP\/1\.1 400 /);
  });

  await scope.test('a worker that dies in the middle breaks the answer off', async () => {
    const answer = await ask(`${front.url}/die.php?how=kill`);
    assert.equal(answer.text, 'the first half');
    assert.equal(answer.complete, false);
    assert.match(front.failures.at(-1) ?? '', /pool www at .*php\.sock/);
  });

  await scope.test('then nobody is there, and 502 says which pool and socket', async () => {
    const answer = await ask(`${front.url}/echo.php`);
    assert.equal(answer.status, 502);
    assert.match(answer.text, /pool www at .*php\.sock cannot be reached.*fpm-ts status www/);
  });
});

suite('unit/client/http-front: SCGI', { needs: ['SCGI.pm', 'spawn-fcgi'] }, async scope => {
  const script = placeFixture(scope, 'perl/scgi.pl');
  const { address } = await startProgram(scope, 'scgi', ['/usr/bin/perl', script], dirname(script));
  const spool = { memoryBytes: 1000, totalBytes: MEGABYTE };
  const front = await startFront(scope, poolAt(address, { protocol: 'scgi' }), { spool });

  await scope.test('a chunked upload is stored first, and arrives whole', async () => {
    const body = randomBytes(500_000);
    const outgoing = httpRequest(front.url, { method: 'POST', agent: false });
    for (let at = 0; at < body.length; at += 10_000) outgoing.write(body.subarray(at, at + 10_000));
    outgoing.end();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.match(await text(incoming), new RegExp(`^body 500000 ${md5(body)}$`, 'm'));
  });

  await scope.test('one above the limit is 413', async () => {
    const chunk = `100000\r\n${'x'.repeat(MEGABYTE)}\r\n`;
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await raw(front.port, `${head}${chunk}${chunk}0\r\n\r\n`), /^HTTP\/1\.1 413 /);
  });
});

suite('unit/client/http-front: between misbehaving sides', {}, async scope => {
  let count = 0;
  const peer = (serve: Parameters<typeof startPeer>[2]) => startPeer(scope, `peer-${count++}`, serve);
  const saying = (said: Buffer) => peer(socket => socket.once('data', () => socket.end(said)));

  await scope.test('Expect: 100-continue is answered when the pool is there, and not otherwise', async () => {
    const head =
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n';
    const { address } = await peer(socket => {
      const reader = new FastcgiServerReader();
      socket.on('data', chunk => {
        for (const event of reader.push(chunk)) {
          if (event.type === 'body-end') socket.end(Buffer.concat([stdout('X: y\n\nok'), END]));
        }
      });
    });
    const front = await startFront(scope, poolAt(address));
    const client = connect(front.port, '127.0.0.1');
    client.write(head);
    const [first] = (await once(client, 'data')) as [Buffer];
    assert.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
    client.write('body');
    assert.match(await text(client), /^HTTP\/1\.1 200 OK/);

    const nobody = await startFront(scope, poolAt({ type: 'unix', path: `${scope.dir}/none.sock` }));
    assert.match(await raw(nobody.port, head), /^HTTP\/1\.1 502 /);
  });

  await scope.test('a client that goes away takes its connection to the program with it', async () => {
    const reached = new Deferred<void>();
    const closed = new Deferred<void>();
    const { address } = await peer(socket => {
      socket.once('data', () => reached.resolve());
      socket.once('end', () => closed.resolve());
    });
    const front = await startFront(scope, poolAt(address));
    const client = connect(front.port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await reached.promise;
    client.destroy();
    await closed.promise;
    assert.deepEqual(front.failures, [], 'giving up is not a failure of the pool');
  });

  await scope.test('a client that goes away while it uploads does, too', async () => {
    const reached = new Deferred<void>();
    const closed = new Deferred<void>();
    const { address } = await peer(socket => {
      socket.resume();
      socket.once('data', () => reached.resolve());
      socket.once('end', () => closed.resolve());
    });
    const front = await startFront(scope, poolAt(address));
    const client = connect(front.port, '127.0.0.1');
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart');
    await reached.promise;
    client.destroy();
    await closed.promise;
  });

  await scope.test('a client that does not read holds the program back', async () => {
    let sent = 0;
    const { address } = await peer(socket => {
      const piece = stdout('x'.repeat(60_000));
      const more = (): void => {
        do sent += piece.length;
        while (sent < 256 * MEGABYTE && socket.write(piece));
      };
      socket.once('data', () => {
        socket.write(stdout('X: y\n\n'));
        socket.on('drain', more);
        more();
      });
    });
    const front = await startFront(scope, poolAt(address));
    const client = connect(front.port, '127.0.0.1').pause();
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let last = -1;
    let unchanged = 0;
    await until(
      () => {
        unchanged = sent === last ? unchanged + 1 : 0;
        last = sent;
        return sent > 0 && unchanged >= 10;
      },
      { what: 'the program to be held back', explain: () => `${sent} bytes were sent` },
    );
    // What the kernel buffers on loopback is most of it.
    assert.ok(sent < 32 * MEGABYTE, `${sent} bytes were taken without a reader`);
    client.destroy();
  });

  await scope.test('more than Content-Length does not reach the client', async () => {
    const { address } = await saying(
      Buffer.concat([stdout('Content-Length: 5\n\nhelloHTTP/1.1 200 OK'), END]),
    );
    const front = await startFront(scope, poolAt(address));
    const answer = await raw(front.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.ok(answer.endsWith('\r\n\r\nhello'), answer);
  });

  await scope.test('less than Content-Length is a broken answer', async () => {
    const { address } = await saying(Buffer.concat([stdout('Content-Length: 50\n\nhello'), END]));
    const front = await startFront(scope, poolAt(address));
    assert.equal((await ask(front.url)).complete, false);
  });

  await scope.test("the program's connection headers stay here", async () => {
    const said = 'Connection: upgrade\nTransfer-Encoding: gzip\nKeep-Alive: x\nX-Own: 1\n\nhello';
    const { address } = await saying(Buffer.concat([stdout(said), END]));
    const front = await startFront(scope, poolAt(address));
    const answer = await raw(front.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(answer, /\r\nX-Own: 1\r\n/);
    assert.doesNotMatch(answer, /upgrade|gzip|Keep-Alive: x/);
  });

  for (const [what, said, status] of [
    ['no answer at all', Buffer.alloc(0), 502],
    ['another protocol', Buffer.from('hello'), 502],
    ['overload', encodeEnd(1, { appStatus: 0, protocolStatus: 2 }), 503],
  ] as const) {
    await scope.test(`${what} is ${status}`, async () => {
      const front = await startFront(scope, poolAt((await saying(said)).address));
      const answer = await ask(front.url);
      assert.equal(answer.status, status);
      assert.match(answer.text, /pool www/);
      assert.equal(front.failures.length, 1);
    });
  }

  await scope.test('a silent program is 504', async () => {
    const { address } = await peer(socket => socket.resume());
    const front = await startFront(scope, poolAt(address), { timeoutMs: 50 });
    assert.equal((await ask(front.url)).status, 504);
  });

  await scope.test('a client that announces a body and sends none is ended', async () => {
    const { address } = await peer(socket => socket.resume());
    const front = await startFront(scope, poolAt(address), { timeoutMs: 50 });
    const sent = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
    assert.equal(await raw(front.port, sent), '');
  });
});
