/** One exchange with peers that do everything wrong, or nothing at all. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Deferred } from '../../../src/client/deferred.ts';
import type { Param } from '../../../src/client/params.ts';
import type { ConnectAddress } from '../../../src/client/pool-target.ts';
import type { RequestOptions } from '../../../src/client/request-types.ts';
import { sendRequest } from '../../../src/client/send-request.ts';
import { RECORD } from '../../../src/protocols/fastcgi/constants.ts';
import { encodeStream, encodeStreamEnd } from '../../../src/protocols/fastcgi/records.ts';
import { encodeEnd, encodeStdout, FastcgiServerReader } from '../../../src/protocols/fastcgi/server.ts';
import { until } from '../../lib/poll.ts';
import { suite } from '../../lib/suite.ts';
import { startPeer } from './programs.ts';

const MEGABYTE = 1024 * 1024;
/** Longer than any test waits: where a timeout is not the subject, it must not be what ends the test. */
const NEVER_MS = 600_000;

const HEAD = Buffer.from('Content-Type: text/plain\r\n\r\n');
const END = encodeEnd(1, { appStatus: 0, protocolStatus: 0 });
const answer = (body: string): Buffer =>
  Buffer.concat([...encodeStdout(1, Buffer.concat([HEAD, Buffer.from(body)])), END]);

function options(address: ConnectAddress, more: Partial<RequestOptions> = {}): RequestOptions {
  const params: Param[] = [['REQUEST_METHOD', 'GET']];
  return { address, protocol: 'fastcgi', params, body: null, timeoutMs: NEVER_MS, ...more };
}

suite('unit/client/send-request', {}, async scope => {
  let peers = 0;
  const peer = (serve: Parameters<typeof startPeer>[2]) => startPeer(scope, `peer-${peers++}`, serve);
  /** Answers as soon as the first bytes of a request are there, and closes. */
  const saying = (...bytes: readonly Buffer[]) =>
    peer(socket => socket.once('data', () => socket.end(Buffer.concat(bytes))));

  await scope.test('an answer in one piece', async () => {
    const { address } = await saying(answer('hello'));
    const { head, body, end } = await sendRequest(options(address));
    assert.equal(head.status, 200);
    assert.equal(head.contentType, 'text/plain');
    assert.equal(await text(body), 'hello');
    assert.deepEqual(await end, { appStatus: 0 });
  });

  await scope.test('FCGI_STDERR comes beside the answer', async () => {
    const warning = encodeStream(RECORD.stderr, 1, Buffer.from('warning'));
    const { address } = await saying(...warning, answer('x'));
    const stderr: Buffer[] = [];
    const { body } = await sendRequest(options(address, { onStderr: chunk => stderr.push(chunk) }));
    assert.equal(await text(body), 'x');
    assert.equal(Buffer.concat(stderr).toString(), 'warning');
  });

  for (const [what, bytes, code] of [
    ['nothing', [], 'CLOSED'],
    ['another protocol', [Buffer.from('HTTP/1.1 200 OK\r\n\r\n')], 'PROTOCOL'],
    ['headers that do not end', [...encodeStdout(1, Buffer.from('X: y\n')), END], 'CLOSED'],
    ['an end without an answer', [END], 'CLOSED'],
    ['an end for somebody else', [encodeEnd(2, { appStatus: 0, protocolStatus: 0 })], 'PROTOCOL'],
    ['a refusal', [encodeEnd(1, { appStatus: 0, protocolStatus: 1 })], 'REFUSED'],
    ['an unknown role', [encodeEnd(1, { appStatus: 0, protocolStatus: 3 })], 'REFUSED'],
    ['overload', [encodeEnd(1, { appStatus: 0, protocolStatus: 2 })], 'OVERLOADED'],
  ] as const) {
    await scope.test(`${what} is ${code}`, async () => {
      const { address } = await saying(...bytes);
      await assert.rejects(sendRequest(options(address)), { name: 'ClientError', code });
    });
  }

  await scope.test('an answer that is cut fails the body and the end', async () => {
    const { address } = await saying(...encodeStdout(1, Buffer.concat([HEAD, Buffer.from('half')])));
    const { body, end } = await sendRequest(options(address));
    await assert.rejects(text(body), { code: 'CLOSED' });
    await assert.rejects(end, { code: 'CLOSED' });
  });

  await scope.test('nobody there', async () => {
    const address: ConnectAddress = { type: 'unix', path: `${scope.dir}/none.sock` };
    await assert.rejects(sendRequest(options(address)), { code: 'CONNECT', errno: 'ENOENT' });
  });

  await scope.test('a silent program is given up after the timeout, and its connection closed', async () => {
    const closed = new Deferred<void>();
    const { address } = await peer(socket => socket.resume().once('end', () => closed.resolve()));
    await assert.rejects(sendRequest(options(address, { timeoutMs: 50 })), { code: 'TIMEOUT' });
    await closed.promise;
  });

  await scope.test('the time that a slow source takes is not held against the program', async () => {
    const { address } = await peer(socket => {
      // The empty FCGI_STDIN record is the end of the request.
      let request = Buffer.alloc(0);
      socket.on('data', chunk => {
        request = Buffer.concat([request, chunk]);
        if (request.subarray(-8).equals(encodeStreamEnd(RECORD.stdin, 1))) socket.end(answer('patient'));
      });
    });
    const source = new Readable({ read: () => {} });
    const asked = sendRequest(options(address, { body: source, timeoutMs: 1000 }));
    // Longer than the timeout: a client that counted this time would have failed by then.
    await delay(1500);
    source.push('at last');
    source.push(null);
    assert.equal(await text((await asked).body), 'patient');
  });

  await scope.test('a program that sends faster than anybody reads is held back', async () => {
    const total = 64 * MEGABYTE;
    let sent = 0;
    const { address } = await peer(socket => {
      const piece = Buffer.concat(encodeStdout(1, Buffer.alloc(64 * 1024 - 8, 'x')));
      const bodyBytes = 64 * 1024 - 8;
      const more = (): void => {
        while (sent < total) {
          sent += bodyBytes;
          if (!socket.write(piece)) return;
        }
        socket.end(END);
        socket.off('drain', more);
      };
      socket.once('data', () => {
        socket.write(Buffer.concat(encodeStdout(1, HEAD)));
        socket.on('drain', more);
        more();
      });
    });
    const { body } = await sendRequest(options(address));
    await until(
      standsStill(() => sent),
      { what: 'the program to be held back' },
    );
    assert.ok(sent < 4 * MEGABYTE, `${sent} bytes were taken in without a reader`);
    let received = 0;
    for await (const chunk of body) received += (chunk as Buffer).length;
    assert.equal(received, sent);
    assert.ok(sent >= total);
  });

  await scope.test('a source that gives faster than the program reads is held back', async () => {
    const total = 64 * MEGABYTE;
    let given = 0;
    const source = new Readable({
      read() {
        given += 64 * 1024;
        this.push(given > total ? null : Buffer.alloc(64 * 1024));
      },
    });
    const connection = new Deferred<Socket>();
    const { address } = await peer(socket => {
      socket.pause();
      connection.resolve(socket);
    });
    const asked = sendRequest(options(address, { body: source }));
    const socket = await connection.promise;
    await until(
      standsStill(() => given),
      { what: 'the source to be held back' },
    );
    assert.ok(given < 4 * MEGABYTE, `${given} bytes were taken from the source without a reader`);
    const reader = new FastcgiServerReader();
    let received = 0;
    socket.on('data', chunk => {
      for (const event of reader.push(chunk)) {
        if (event.type === 'body') received += event.chunk.length;
        if (event.type === 'body-end') socket.end(answer('thanks'));
      }
    });
    socket.resume();
    assert.equal(await text((await asked).body), 'thanks');
    assert.equal(received, total);
  });

  for (const protocol of ['fastcgi', 'scgi'] as const) {
    // Two whole reads of libuv, which takes a hangup behind a partial one for an end; and less than the
    // kernel's buffer holds.
    const pageBytes = 128 * 1024 - 'Status: 413 No\r\nContent-Length: 131072\r\n\r\n'.length;
    const page = 'x'.repeat(pageBytes);
    const head = `Status: 413 No\r\nContent-Length: ${pageBytes}\r\n\r\n`;
    const said = Buffer.from(head + page);
    const bytes = protocol === 'scgi' ? said : Buffer.concat([...encodeStdout(1, said), END]);

    await scope.test(`an answer before the upload was read is not lost over ${protocol}`, async () => {
      const closed = new Deferred<void>();
      const { address } = await peer(socket => {
        socket.pause();
        socket.once('close', () => closed.resolve());
        socket.end(bytes, () => socket.destroy());
      });
      const source = new Readable({ read: () => {} });
      const params: Param[] = [['CONTENT_LENGTH', String(16 * MEGABYTE)]];
      const { body } = await sendRequest(options(address, { protocol, params, body: source }));
      await closed.promise;
      // These meet a closed connection while the answer is only half read.
      for (let part = 0; part < 16; part += 1) source.push(Buffer.alloc(MEGABYTE));
      source.push(null);
      await once(source, 'end');
      assert.equal((await text(body)).length, page.length);
    });

    await scope.test(`nor when the kernel reports unread bytes as a reset, over ${protocol}`, async () => {
      const connection = new Deferred<Socket>();
      const { address } = await peer(socket => connection.resolve(socket.pause()));
      // More than Node reads unasked, so that some stays unread; less than would leave us writing.
      const upload = Buffer.alloc(150_000);
      const source = Readable.from([upload]);
      const params: Param[] = [['CONTENT_LENGTH', String(upload.length)]];
      const asked = sendRequest(options(address, { protocol, params, body: source }));
      await once(source, 'end');
      const socket = await connection.promise;
      await until(() => socket.readableLength > 0, { what: 'the upload to be there' });
      // Not end(), whose shutdown(2) would be seen as the end before the close is seen as a reset.
      socket.write(bytes, () => socket.destroy());
      assert.equal((await text((await asked).body)).length, page.length);
    });
  }

  for (const [what, giveUp] of [
    ['the signal', (_body: Readable, controller: AbortController) => controller.abort()],
    ['destroying the body', (body: Readable) => body.destroy()],
  ] as const) {
    await scope.test(`${what} closes the connection`, async () => {
      const closed = new Deferred<void>();
      const { address } = await peer(socket => {
        socket.once('data', () => socket.write(Buffer.concat(encodeStdout(1, HEAD))));
        socket.once('end', () => closed.resolve());
      });
      const controller = new AbortController();
      const { body, end } = await sendRequest(options(address, { signal: controller.signal }));
      body.on('error', () => {});
      giveUp(body, controller);
      await assert.rejects(end, { code: 'ABORTED' });
      await closed.promise;
    });
  }

  await scope.test('a signal that was aborted before connects to nobody', async () => {
    let connections = 0;
    const { address } = await peer(() => connections++);
    await assert.rejects(sendRequest(options(address, { signal: AbortSignal.abort() })), { code: 'ABORTED' });
    assert.equal(connections, 0);
  });

  await scope.test('a source that fails, and one that was destroyed before, end the exchange', async () => {
    const { address } = await peer(socket => socket.resume());
    const failing = new Readable({ read: () => {} });
    const asked = sendRequest(options(address, { body: failing }));
    failing.destroy(new Error('the disk is gone'));
    await assert.rejects(asked, { code: 'SOURCE', message: /the disk is gone/ });
    const dead = new Readable({ read: () => {} }).destroy();
    await once(dead, 'close');
    await assert.rejects(sendRequest(options(address, { body: dead })), { code: 'SOURCE' });
  });

  await scope.test('SCGI: a body must be as long as CONTENT_LENGTH says, and that must be said', async () => {
    const { address } = await peer(socket => socket.resume());
    const body = (): Readable => Readable.from([Buffer.from('four')]);
    const scgi = { protocol: 'scgi' } as const;
    const five: Param[] = [['CONTENT_LENGTH', '5']];
    await assert.rejects(sendRequest(options(address, { ...scgi, body: body(), params: five })), {
      code: 'SOURCE',
      message: /4 bytes/,
    });
    await assert.rejects(sendRequest(options(address, { ...scgi, body: body() })), { code: 'SOURCE' });
  });

  await scope.test('SCGI: closing is the end', async () => {
    const { address } = await saying(Buffer.from('Status: 201 Made\n\nall of it'));
    const { head, body, end } = await sendRequest(options(address, { protocol: 'scgi' }));
    assert.equal(head.status, 201);
    assert.equal(await text(body), 'all of it');
    assert.equal(await end, null);
  });
});

/** True when a number that is looked at again and again has not changed for ten looks. */
function standsStill(read: () => number): () => boolean {
  let last = -1;
  let unchanged = 0;
  return () => {
    const now = read();
    unchanged = now === last ? unchanged + 1 : 0;
    last = now;
    return now > 0 && unchanged >= 10;
  };
}
