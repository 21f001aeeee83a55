/** The control socket over real curl: every route, every kind of wrong request, and what docs/openapi.json says. */
import assert from 'node:assert/strict';
import { lstatSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type CurlAnswer, curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { mismatch, publishedOpenApi } from '../lib/openapi.ts';
import { helloPools } from '../lib/pools.ts';
import type { ErrorBody, Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi', 'curl'] as const;
const document = publishedOpenApi();

/** The answer has that status and is what docs/openapi.json says of it. */
function assertDescribed(answer: CurlAnswer, status: number, method: string, path: string): unknown {
  assert.equal(answer.status, status, answer.body);
  assert.equal(answer.contentType, 'application/json');
  assert.equal(mismatch(document, { method, path, status }, answer.json()), undefined, answer.body);
  return answer.json();
}

function assertError(answer: CurlAnswer, status: number, code: string, message: RegExp): void {
  assert.equal(answer.status, status, answer.body);
  const { error } = answer.json() as ErrorBody;
  assert.equal(error.code, code);
  assert.match(error.message, message);
  assert.deepEqual(Object.keys(error), ['code', 'message', 'file', 'line', 'column', 'key']);
  assert.doesNotMatch(answer.body, /\bat .*\.[jt]s:\d+/, 'a stack trace');
}

/** Sends bytes that need not be HTTP, and resolves with what comes back until the connection is closed. */
async function sendRaw(socket: string, bytes: string | Buffer): Promise<string> {
  const connection = connect(socket);
  const chunks: Buffer[] = [];
  connection.on('data', (chunk: Buffer) => chunks.push(chunk));
  connection.on('error', () => {}); // a reset is an answer, too
  connection.write(bytes);
  await new Promise(resolve => connection.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

suite('integration/control', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { one: hello('one'), two: hello('two') },
    expectedLog: [/reload failed/],
  });
  const socket = daemon.controlSocket;
  const post = (path: string, body: string): Promise<CurlAnswer> => curl(socket, path, ['--data', body]);

  await scope.test('status: all pools, or the one named', async () => {
    const all = assertDescribed(await curl(socket, '/v1/status'), 200, 'GET', '/v1/status') as {
      pools: { name: string }[];
    };
    assert.deepEqual(
      all.pools.map(({ name }) => name),
      ['one', 'two'],
    );
    const answer = await curl(socket, '/v1/status?pool=two');
    const one = assertDescribed(answer, 200, 'GET', '/v1/status') as { pools: { name: string }[] };
    assert.deepEqual(
      one.pools.map(({ name }) => name),
      ['two'],
    );
  });

  await scope.test('status without processes: they are counted all the same', async () => {
    const answer = await curl(socket, '/v1/status?processes=no');
    const { pools } = assertDescribed(answer, 200, 'GET', '/v1/status') as Status;
    assert.deepEqual(
      pools.map(({ workers, processes }) => [workers.total, workers.idle, processes]),
      [
        [2, 2, []],
        [2, 2, []],
      ],
    );
    assertError(await curl(socket, '/v1/status?processes=maybe'), 400, 'USAGE', /processes/);
  });

  await scope.test('scale, reload, stop and start of a pool, reopen-logs', async () => {
    const calls: [string, string, unknown][] = [
      ['/v1/scale', '{"pool":"one","workers":1}', { pool: 'one', workers: 1 }],
      ['/v1/stop', '{"pools":["two"]}', { pid: daemon.pid, stopped: ['two'] }],
      ['/v1/start', '{"pools":["two"]}', { started: ['two'] }],
      ['/v1/reopen-logs', '{}', { reopened: true }],
      [
        '/v1/reload',
        '{"pools":["one"],"changed":false}',
        {
          dry_run: false,
          pools: [{ pool: 'one', action: 'roll', changes: [] }],
          needs_restart: [],
          notices: [],
        },
      ],
    ];
    for (const [path, body, expected] of calls) {
      assert.deepEqual(assertDescribed(await post(path, body), 200, 'POST', path), expected);
    }
  });

  await scope.test('a POST without a body has no arguments', async () => {
    const answer = await curl(socket, '/v1/reopen-logs', ['--request', 'POST']);
    assertDescribed(answer, 200, 'POST', '/v1/reopen-logs');
  });

  await scope.test('an unknown pool is 404 NO_SUCH_POOL', async () => {
    const rows: [string, CurlAnswer][] = [
      ['/v1/scale', await post('/v1/scale', '{"pool":"three","workers":1}')],
      ['/v1/stop', await post('/v1/stop', '{"pools":["one","three"]}')],
      ['/v1/start', await post('/v1/start', '{"pools":["three"]}')],
      ['/v1/reload', await post('/v1/reload', '{"pools":["three"]}')],
    ];
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      assertError(await curl(socket, `/v1/status?pool=${name}`), 404, 'NO_SUCH_POOL', /no pool/);
      assertError(await post('/v1/reload', `{"pools":["${name}"]}`), 404, 'NO_SUCH_POOL', /no pool/);
      assertError(await post('/v1/stop', `{"pools":["${name}"]}`), 404, 'NO_SUCH_POOL', /no pool/);
    }
    for (const [path, answer] of rows) {
      assertDescribed(answer, 404, 'POST', path);
      assertError(answer, 404, 'NO_SUCH_POOL', /three/);
    }
    assertError(await curl(socket, '/v1/status?pool=three'), 404, 'NO_SUCH_POOL', /three/);
    const { pools } = await daemon.status();
    assert.deepEqual(
      pools.map(({ state }) => state),
      ['running', 'running'],
      'a pool that was named beside an unknown one goes on',
    );
  });

  await scope.test('an error of the configuration is 422 and has its place', async () => {
    const file = join(daemon.poolsDir, 'three.toml');
    writeFileSync(file, hello('three', { 'pm.max_childen': 2 }));
    const answer = await post('/v1/reload', '{}');
    assertDescribed(answer, 422, 'POST', '/v1/reload');
    assertError(answer, 422, 'CONFIG_UNKNOWN_KEY', /pm\.max_children/);
    const { error } = answer.json() as ErrorBody;
    assert.deepEqual([error.file, error.key], [file, 'pm.max_childen']);
    assert.ok((error.line ?? 0) > 0 && (error.column ?? 0) > 0);
    writeFileSync(file, hello('three', { enabled: false }));
  });

  await scope.test('arguments that are missing, of a wrong type or unknown are 400 and named', async () => {
    const rows: [string, string, RegExp][] = [
      ['/v1/scale', '{"pool":"one"}', /workers/],
      ['/v1/scale', '{"pool":"one","workers":"3"}', /workers/],
      ['/v1/scale', '{"pool":"one","workers":-1}', /workers/],
      ['/v1/scale', '{"pool":"one","workers":1e9}', /workers/],
      ['/v1/start', '{}', /pools/],
      ['/v1/stop', '{"force":true}', /force/],
      ['/v1/stop', '[]', /object/],
      ['/v1/stop', 'null', /object/],
      ['/v1/stop', '{"now":true', /not JSON/],
      ['/v1/stop', '\xff\xfe', /not JSON/],
      ['/v1/stop', '{"__proto__":{"now":true}}', /__proto__/],
    ];
    for (const [path, body, message] of rows) {
      const answer = await post(path, body);
      assertDescribed(answer, 400, 'POST', path);
      assertError(answer, 400, 'USAGE', message);
    }
    assertError(await curl(socket, '/v1/status?pools=one'), 400, 'USAGE', /pools/);
    assert.equal((await daemon.status()).state, 'running');
  });

  await scope.test('a wrong method is 405 and says the right one', async () => {
    const status = await post('/v1/status', '{}');
    assertError(status, 405, 'USAGE', /GET/);
    assert.equal(status.allow, 'GET');
    const stop = await curl(socket, '/v1/stop');
    assertError(stop, 405, 'USAGE', /POST/);
    assert.equal(stop.allow, 'POST');
    assertError(await curl(socket, '/v1/stop', ['--request', 'DELETE']), 405, 'USAGE', /POST/);
  });

  await scope.test('an unknown route is 404 and lists those that there are', async () => {
    for (const path of ['/', '/v1', '/v1/nothing', '/v1/status/', '/v2/status', '//v1/status']) {
      assertError(await curl(socket, path), 404, 'USAGE', /GET \/v1\/status/);
    }
  });

  await scope.test('a body that is too large is 413, however it comes', async () => {
    const file = join(scope.dir, 'large.json');
    writeFileSync(file, `{"pools":["${'x'.repeat(3_000_000)}"]}`);
    const answer = await curl(socket, '/v1/stop', ['--data', `@${file}`]);
    assertDescribed(answer, 413, 'POST', '/v1/stop');
    assertError(answer, 413, 'USAGE', /65536 bytes/);
    const inChunks = ['--header', 'transfer-encoding: chunked', '--data', `@${file}`];
    const chunked = await curl(socket, '/v1/stop', inChunks);
    assertError(chunked, 413, 'USAGE', /65536 bytes/);
  });

  await scope.test(
    'bytes that are no HTTP are answered with 400 or closed, and status still works',
    async () => {
      const rows: (string | Buffer)[] = [
        'hello\r\n\r\n',
        Buffer.from([0, 1, 2, 255, 254, 10, 13, 10]),
        Buffer.alloc(100_000, 0xff),
        `GET /v1/status HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
        'POST /v1/stop HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{"now',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      ];
      for (const bytes of rows) {
        assert.match(await sendRaw(socket, bytes), /^(HTTP\/1\.1 4\d\d |$)/);
        assert.equal((await daemon.status()).state, 'running');
      }
    },
  );

  await scope.test(
    'the socket may be connected to by everybody: what they may is decided by who they are',
    () => {
      assert.equal(lstatSync(socket).mode & 0o777, 0o666);
    },
  );

  await scope.test('stop: it answers first, then ends', async () => {
    const answer = await post('/v1/stop', '{"now":false}');
    assert.deepEqual(assertDescribed(answer, 200, 'POST', '/v1/stop'), {
      pid: daemon.pid,
      stopped: ['one', 'two'],
    });
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
  });
});
