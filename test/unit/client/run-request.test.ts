/** `fpm-ts request` against php-cgi, and Perl programs on FCGI.pm and SCGI.pm. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { PoolTarget } from '../../../src/client/pool-target.ts';
import { type PoolRequest, runRequest } from '../../../src/client/run-request.ts';
import { placeFixture } from '../../lib/fixtures.ts';
import { md5 } from '../../lib/http.ts';
import { suite } from '../../lib/suite.ts';
import { Collected } from './collect.ts';
import { poolAt, startProgram } from './programs.ts';

interface Done {
  readonly code: number;
  readonly stdout: Collected;
  readonly stderr: Collected;
}

async function run(pool: PoolTarget, request: PoolRequest): Promise<Done> {
  const stdout = new Collected();
  const stderr = new Collected();
  const code = await runRequest(pool, request, { stdout, stderr });
  return { code, stdout, stderr };
}

suite('unit/client/run-request: php-cgi', { needs: ['php-cgi', 'spawn-fcgi'] }, async scope => {
  const documentRoot = placeFixture(scope, 'php');
  const php = await startProgram(scope, 'php', ['/usr/bin/php-cgi', '-d', 'post_max_size=0']);
  const pool = poolAt(php.address, { documentRoot });

  await scope.test('GET prints the body alone, with -i the head before it', async () => {
    const plain = await run(pool, { target: '/echo.php?a=1' });
    assert.equal(plain.code, 0);
    const said: unknown = JSON.parse(plain.stdout.text);
    assert.deepEqual(said, {
      pid: php.pid,
      method: 'GET',
      query: { a: '1' },
      script: `${documentRoot}/echo.php`,
      server: 'fpm-ts',
    });
    const whole = await run(pool, { target: '/echo.php?a=1', include: true });
    const [head, body] = whole.stdout.text.split('\r\n\r\n');
    assert.match(head ?? '', /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Content-Type: application\/json/i);
    assert.equal(body, plain.stdout.text);
  });

  await scope.test('POST of 10 MB, from memory and from a stream of unknown length', async () => {
    const body = randomBytes(10_000_000);
    const expected = { length: body.length, md5: md5(body) };
    for (const source of [body, Readable.from([body.subarray(0, 1234), body.subarray(1234)])]) {
      const { code, stdout } = await run(pool, { target: '/body.php', body: source });
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout.text), expected);
    }
  });

  await scope.test('an upload as a form sends it', async () => {
    const content = randomBytes(100_000);
    const form = new FormData();
    form.append('file', new Blob([content]), 'a b.bin');
    const encoded = new Response(form);
    const { stdout } = await run(pool, {
      target: '/upload.php',
      headers: [`Content-Type: ${encoded.headers.get('content-type') ?? ''}`],
      body: Buffer.from(await encoded.arrayBuffer()),
    });
    assert.deepEqual(JSON.parse(stdout.text), {
      file: { name: 'a b.bin', error: 0, size: content.length, md5: md5(content) },
    });
  });

  await scope.test('404 is printed, and the exit code is 1', async () => {
    const { code, stdout } = await run(pool, { target: '/missing.php' });
    assert.equal(code, 1);
    assert.equal(stdout.text, 'nothing here');
    assert.equal((await run(pool, { target: '/no/such.php' })).code, 1);
  });

  await scope.test('a path that leads out of the root is refused before anybody is asked', async () => {
    for (const target of ['/../etc/passwd', '/%2e%2e/x', 'relative', '/a%00b']) {
      await assert.rejects(run(pool, { target }), { name: 'FpmError', code: 'USAGE' }, target);
    }
  });

  await scope.test('methods and headers that HTTP would not carry are refused', async () => {
    await assert.rejects(run(pool, { target: '/', method: 'GE T' }), { code: 'USAGE' });
    await assert.rejects(run(pool, { target: '/', headers: ['no colon'] }), { code: 'USAGE' });
    await assert.rejects(run(pool, { target: '/', headers: ['A: b\r\nC: d'] }), { code: 'USAGE' });
  });

  await scope.test('--json: one object, base64 where the body is not text', async () => {
    const { code, stdout } = await run(pool, { target: '/missing.php', json: true });
    assert.equal(code, 1);
    const report = JSON.parse(stdout.text) as Record<string, unknown>;
    assert.equal(report.status, 404);
    assert.equal(report.body, 'nothing here');
    assert.equal(report.body_encoding, 'utf8');
    assert.equal(report.app_status, 0);
  });

  await scope.test('a reader that has seen enough is no failure', async () => {
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const code = await runRequest(pool, { target: '/echo.php' }, { stdout: closed, stderr: new Collected() });
    assert.equal(code, 0);
  });

  await scope.test('a worker that is killed in the middle is a failure that names the pool', async () => {
    const stdout = new Collected();
    await assert.rejects(
      runRequest(pool, { target: '/die.php?how=kill' }, { stdout, stderr: new Collected() }),
      { name: 'FpmError', code: 'FAILED', message: /pool www at .*php\.sock/ },
    );
    assert.equal(stdout.text, 'the first half');
  });

  await scope.test('nobody there any more says what to look at', async () => {
    await assert.rejects(run(pool, { target: '/' }), {
      code: 'FAILED',
      message: /nobody listens there.*fpm-ts status www/,
    });
    const elsewhere = poolAt({ type: 'unix', path: `${scope.dir}/nowhere.sock` });
    await assert.rejects(run(elsewhere, { target: '/' }), { code: 'FAILED', message: /no such socket/ });
  });
});

/** The lines "word rest" of the Perl fixtures. */
function fields(text: string): Record<string, string> {
  const lines = text.trim().split('\n');
  return Object.fromEntries(lines.map(line => [line.split(' ', 1)[0], line.slice(line.indexOf(' ') + 1)]));
}

for (const [protocol, needed] of [
  ['fastcgi', 'FCGI.pm'],
  ['scgi', 'SCGI.pm'],
] as const) {
  const needs = [needed, 'spawn-fcgi'] as const;
  suite(`unit/client/run-request: Perl over ${protocol}`, { needs }, async scope => {
    const script = placeFixture(scope, `perl/${protocol}.pl`);
    const { address, pid } = await startProgram(scope, protocol, ['/usr/bin/perl', script], dirname(script));
    const pool = poolAt(address, { protocol });

    await scope.test('GET', async () => {
      const { code, stdout } = await run(pool, { target: '/any/path?a=1' });
      assert.equal(code, 0);
      const said = fields(stdout.text);
      assert.equal(said.perl, String(pid));
      assert.equal(said.method, 'GET');
      assert.equal(said.query, 'a=1');
    });

    await scope.test('POST of 10 MB from a stream', async () => {
      const body = randomBytes(10_000_000);
      const { code, stdout } = await run(pool, { target: '/', body: Readable.from([body]) });
      assert.equal(code, 0);
      assert.equal(fields(stdout.text).body, `10000000 ${md5(body)}`);
    });

    await scope.test('404', async () => {
      assert.equal((await run(pool, { target: '/?missing' })).code, 1);
    });
  });
}
