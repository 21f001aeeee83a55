/** The quick start's responder as a process with its listener on descriptor 0, spoken to in bare FastCGI. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { sendRequest } from '../../../src/client/send-request.ts';
import { encodeBeginRequest } from '../../../src/protocols/fastcgi/bodies.ts';
import { PROTOCOL_STATUS, RECORD, ROLE } from '../../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from '../../../src/protocols/fastcgi/records.ts';
import { REPOSITORY } from '../../lib/paths.ts';
import { until } from '../../lib/poll.ts';
import { type Scope, suite } from '../../lib/suite.ts';
import { READERS } from '../../protocol/readers.ts';
import { type Program, startProgram } from '../client/programs.ts';

let programs = 0;

function startHello(scope: Scope): Promise<Program> {
  const hello = join(REPOSITORY, 'src/responders/hello.ts');
  const command = [process.execPath, '--import', 'tsx', hello];
  return startProgram(scope, `hello-${programs++}`, command, REPOSITORY);
}

interface Begun {
  readonly role?: number;
  readonly keep?: boolean;
}

const begin = (id: number, { role = ROLE.responder, keep = false }: Begun = {}): Buffer =>
  encodeRecord(RECORD.beginRequest, id, encodeBeginRequest({ role, keepConnection: keep }));

/** A whole request without the last record, which is the end of its body. */
function opened(id: number, path: string, begun: Begun = {}): Buffer {
  const params = encodePairs([
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', path],
  ]);
  const records = [
    begin(id, begun),
    ...encodeStream(RECORD.params, id, params),
    encodeStreamEnd(RECORD.params, id),
  ];
  return Buffer.concat(records);
}

const stdinEnd = (id: number): Buffer => encodeStreamEnd(RECORD.stdin, id);

interface SeenRecord {
  readonly type: number;
  readonly requestId: number;
  readonly content: string;
}

function records(bytes: Buffer): SeenRecord[] {
  return READERS['fastcgi-records']?.([bytes]) as SeenRecord[];
}

/** The ends of requests, as request id and protocol status. */
function ends(bytes: Buffer): [number, number][] {
  return records(bytes)
    .filter(record => record.type === RECORD.endRequest)
    .map(record => [record.requestId, record.content.charCodeAt(4)]);
}

async function open(program: Program): Promise<Socket> {
  const socket = connect({ path: program.path });
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and gives what comes until the program closes. */
async function converse(program: Program, ...bytes: readonly Buffer[]): Promise<Buffer> {
  const socket = await open(program);
  socket.write(Buffer.concat(bytes));
  return await buffer(socket);
}

/** Reads until so many requests were ended. */
async function readEnds(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await until(() => ends(Buffer.concat(chunks)).length >= count, { what: `${count} answers` });
  return Buffer.concat(chunks);
}

suite('unit/responders/hello', { needs: ['spawn-fcgi'] }, async scope => {
  const hello = await startHello(scope);

  await scope.test('answers, and counts', async () => {
    for (const served of [1, 2]) {
      const { head, body } = await sendRequest({
        address: hello.address,
        protocol: 'fastcgi',
        params: [
          ['REQUEST_METHOD', 'POST'],
          ['REQUEST_URI', '/x?y'],
        ],
        body: Buffer.alloc(100_000),
        timeoutMs: 30_000,
      });
      assert.equal(head.status, 200);
      const page = await text(body);
      for (const part of [`worker ${hello.pid}`, 'POST /x?y', '100000 bytes', `so far: ${served}`]) {
        assert.ok(page.includes(part), `${part} in ${page}`);
      }
    }
  });

  await scope.test('as root it is nobody before it reads a byte', () => {
    const ids = readFileSync(`/proc/${hello.pid}/status`, 'utf8');
    assert.doesNotMatch(ids, /^[UG]id:.*\t0(\t|$)/m);
    if (process.getuid?.() === 0) assert.match(ids, /^Groups:[ \t]*$/m);
  });

  await scope.test('pipelined requests on a kept connection are answered in turn', async () => {
    const socket = await open(hello);
    const kept = { keep: true };
    const sent = [1, 2, 3].map((id, turn) =>
      Buffer.concat([opened(id, `/turn-${turn}`, kept), stdinEnd(id)]),
    );
    socket.write(Buffer.concat(sent));
    const answer = await readEnds(socket, 3);
    assert.deepEqual(ends(answer), [
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    for (const [turn, id] of [1, 2, 3].entries()) {
      const said = records(answer).filter(
        ({ type, requestId }) => type === RECORD.stdout && requestId === id,
      );
      const page = said.map(({ content }) => content).join('');
      assert.ok(page.includes(`/turn-${turn}`), page);
    }
    socket.destroy();
  });

  await scope.test('two requests at the same time are answered, their records in any order', async () => {
    const kept = { keep: true };
    const socket = await open(hello);
    socket.write(Buffer.concat([opened(1, '/one', kept), opened(2, '/two', kept), stdinEnd(2), stdinEnd(1)]));
    const complete = PROTOCOL_STATUS.requestComplete;
    assert.deepEqual(
      new Map(ends(await readEnds(socket, 2))),
      new Map([
        [1, complete],
        [2, complete],
      ]),
    );
    socket.destroy();
  });

  await scope.test('an authorizer is what it is not', async () => {
    assert.deepEqual(ends(await converse(hello, begin(1, { role: ROLE.authorizer }))), [
      [1, PROTOCOL_STATUS.unknownRole],
    ]);
  });

  await scope.test('an aborted request is ended without an answer', async () => {
    const abort = encodeRecord(RECORD.abortRequest, 1, Buffer.alloc(0));
    const answer = records(await converse(hello, opened(1, '/'), abort));
    assert.deepEqual(
      answer.map(record => record.type),
      [RECORD.endRequest],
    );
  });

  await scope.test('says what it can, and that it does not know a record', async () => {
    const names = encodePairs([
      ['FCGI_MPXS_CONNS', ''],
      ['WHAT', ''],
    ]);
    const asked = [encodeRecord(RECORD.getValues, 0, names), encodeRecord(42, 0, Buffer.alloc(0))];
    const answer = records(await converse(hello, ...asked, opened(1, '/'), stdinEnd(1)));
    assert.equal(answer[0]?.type, RECORD.getValuesResult);
    assert.equal(answer[0]?.content, encodePairs([['FCGI_MPXS_CONNS', '1']]).toString('latin1'));
    assert.equal(answer[1]?.type, RECORD.unknownType);
    assert.equal(answer[1]?.content.charCodeAt(0), 42);
  });

  await scope.test('what is not FastCGI closes that connection and nothing else', async () => {
    assert.equal((await converse(hello, Buffer.from('GET / HTTP/1.1\r\n\r\n'))).length, 0);
    assert.deepEqual(ends(await converse(hello, opened(1, '/'), stdinEnd(1))), [[1, 0]]);
  });

  await scope.test('SIGUSR1 does nothing: no debugger, no end', async () => {
    process.kill(hello.pid, 'SIGUSR1');
    assert.deepEqual(ends(await converse(hello, opened(1, '/'), stdinEnd(1))), [[1, 0]]);
    assert.doesNotMatch(hello.stderr(), /[Dd]ebugger/);
  });
});

suite('unit/responders/hello: its end', { needs: ['spawn-fcgi'] }, async scope => {
  await scope.test('SIGTERM without anything in hand ends it with 0', async () => {
    const hello = await startHello(scope);
    await converse(hello, opened(1, '/'), stdinEnd(1));
    assert.equal(await hello.terminate(), 0);
  });

  await scope.test('SIGTERM ends kept connections that are idle', async () => {
    const hello = await startHello(scope);
    const socket = await open(hello);
    socket.write(Buffer.concat([opened(1, '/', { keep: true }), stdinEnd(1)]));
    await readEnds(socket, 1);
    assert.equal(await hello.terminate(), 0);
  });

  await scope.test('SIGTERM lets a request in hand, and one that was not sent yet, be answered', async () => {
    const hello = await startHello(scope);
    const half = await open(hello);
    half.write(opened(1, '/half', { keep: true }));
    const fresh = await open(hello);
    // This one is idle, so that its end shows that the signal was taken; being the last, it was accepted last.
    const witness = await open(hello);
    witness.write(Buffer.concat([opened(1, '/', { keep: true }), stdinEnd(1)]));
    await readEnds(witness, 1);
    const exit = hello.terminate();
    await once(witness, 'close');
    half.write(stdinEnd(1));
    fresh.write(Buffer.concat([opened(1, '/fresh', { keep: true }), stdinEnd(1)]));
    for (const socket of [half, fresh]) assert.deepEqual(ends(await buffer(socket)), [[1, 0]]);
    assert.equal(await exit, 0);
  });
});
