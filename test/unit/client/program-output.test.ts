/**
 * No control character of what a program says gets through, in a file neither; of an answer's body, to a terminal.
 * Torn answers have one wording.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Output, programOutput } from '../../../src/client/program-output.ts';
import { runRequest } from '../../../src/client/run-request.ts';
import { suite } from '../../lib/suite.ts';
import { Collected } from './collect.ts';
import { poolAt } from './programs.ts';

const terminal = (): Collected & Output => Object.assign(new Collected(), { isTTY: true });

void test('what it says is printable text, in a file as well; a character may come in two chunks', () => {
  const bytes = Buffer.from('\x1b[31mé\n');
  for (const output of [terminal(), new Collected()]) {
    const write = programOutput(output);
    for (const byte of bytes) write(Buffer.from([byte]));
    assert.equal(output.text, '\\x1b[31mé\n');
  }
});

suite('unit/client/program-output: answers over a socket', {}, async scope => {
  /** Answers each connection with these bytes and closes it. */
  async function answering(name: string, answer: Buffer | string): Promise<string> {
    const path = join(scope.dir, `${name}.sock`);
    const server = createServer({ allowHalfOpen: true }, socket => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>(resolve => server.listen(path, resolve));
    scope.defer(() => new Promise<void>(resolve => void server.close(() => resolve())));
    return path;
  }

  await scope.test(
    'headers with -i: bytes that a terminal takes for a control character are escaped',
    async () => {
      const head = Buffer.concat([
        Buffer.from('X-A: a'),
        Buffer.from('\u009b2Jb'),
        Buffer.from('\r\n\r\nbody'),
      ]);
      const pool = poolAt({ type: 'unix', path: await answering('head', head) }, { protocol: 'scgi' });
      const stdout = terminal();
      assert.equal(await runRequest(pool, { target: '/', include: true }, { stdout, stderr: terminal() }), 0);
      assert.equal(stdout.text, 'HTTP/1.1 200 OK\nX-A: a\\x9b2Jb\n\nbody');
    },
  );

  await scope.test('a body on a terminal is fit for one, unless the bytes are asked for', async () => {
    const path = await answering('body', 'Content-Type: text/plain\r\n\r\n\x1b[2Jé\u202e\n');
    const pool = poolAt({ type: 'unix', path }, { protocol: 'scgi' });
    for (const [stdout, raw, expected] of [
      [terminal(), undefined, '\\x1b[2Jé\\u202e\n'],
      [terminal(), true, '\x1b[2Jé\u202e\n'],
      [new Collected(), undefined, '\x1b[2Jé\u202e\n'],
    ] as const) {
      await runRequest(pool, { target: '/', raw }, { stdout, stderr: terminal() });
      assert.equal(stdout.text, expected);
    }
  });

  await scope.test(
    'an answer that is torn is told as such, wherever and whichever the protocol',
    async () => {
      const rows: [string, 'fastcgi' | 'scgi', Buffer | string][] = [
        ['empty', 'scgi', ''],
        ['in-head', 'scgi', 'X-A: a\r\n'],
        ['in-body', 'scgi', 'Content-Length: 9\r\n\r\nbody'],
        ['nothing', 'fastcgi', ''],
        ['in-record', 'fastcgi', Buffer.from([1, 6, 0, 1, 0, 9, 0, 0, 0x58])],
      ];
      for (const [name, protocol, answer] of rows) {
        const pool = poolAt({ type: 'unix', path: await answering(name, answer) }, { protocol });
        const io = { stdout: new Collected(), stderr: new Collected() };
        await assert.rejects(
          runRequest(pool, { target: '/' }, io),
          /^FpmError: pool .* broke its answer off: .*; the log may say why$/,
          name,
        );
      }
    },
  );

  await scope.test('the answer to HEAD has a Content-Length and no body', async () => {
    const path = await answering('to-head', 'Content-Length: 9\r\n\r\n');
    const io = { stdout: new Collected(), stderr: new Collected() };
    const pool = poolAt({ type: 'unix', path }, { protocol: 'scgi' });
    assert.equal(await runRequest(pool, { target: '/', method: 'HEAD' }, io), 0);
  });
});
