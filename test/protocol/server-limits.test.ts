/** What the server sides hold at most, and what becomes of ids and connections beyond one request. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import { PROTOCOL_STATUS, RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from '../../src/protocols/fastcgi/records.ts';
import { type FastcgiServerEvent, FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { PARAM_COST_BYTES } from '../../src/protocols/param-limits.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { ScgiServerReader } from '../../src/protocols/scgi/server.ts';

const MEGABYTE = 1024 * 1024;

const begin = (id: number, role = 1): Buffer =>
  encodeRecord(RECORD.beginRequest, id, encodeBeginRequest({ role, keepConnection: true }));
const params = (id: number, bytes: number): Buffer[] =>
  encodeStream(RECORD.params, id, encodePairs([['n', Buffer.alloc(bytes - 6)]]));
const paramsEnd = (id: number): Buffer => encodeStreamEnd(RECORD.params, id);
const bodyEnd = (id: number): Buffer => encodeStreamEnd(RECORD.stdin, id);

/** "request 1", "refused 2 as 3" */
function push(reader: FastcgiServerReader, ...pieces: readonly Buffer[]): string[] {
  return [...reader.push(Buffer.concat(pieces))].map(describeEvent);
}

function describeEvent(event: FastcgiServerEvent): string {
  const id = 'requestId' in event ? ` ${event.requestId}` : '';
  return `${event.type}${id}${event.type === 'refused' ? ` as ${event.protocolStatus}` : ''}`;
}

void describe('parameters of one FastCGI request', () => {
  for (const [what, limits, most] of [
    ['by default', {}, MEGABYTE],
    ['where it is set', { maxParamsBytes: 1000 }, 1000],
    ['where it is set high', { maxParamsBytes: 20 * MEGABYTE }, 20 * MEGABYTE],
  ] as const) {
    void test(`as many bytes as allowed ${what}, and not one more`, () => {
      const exact = [begin(1), ...params(1, most), paramsEnd(1)];
      assert.deepEqual(push(new FastcgiServerReader(limits), ...exact), ['request 1']);
      assert.throws(() => push(new FastcgiServerReader(limits), begin(1), ...params(1, most + 1)), {
        code: 'PAIRS_TOO_LONG',
      });
    });
  }
});

void test('a low limit of bytes is none of how many parameters there are', () => {
  const many = encodePairs(Array.from({ length: 200 }, () => ['a', ''] as const));
  const reader = new FastcgiServerReader({ maxParamsBytes: many.length });
  const events = push(reader, begin(1), ...encodeStream(RECORD.params, 1, many), paramsEnd(1));
  assert.deepEqual(events, ['request 1']);
});

void describe('parameters of all open requests', () => {
  const limits = { maxParamsBytes: 1000, maxOpenParamsBytes: 2000 + 2 * PARAM_COST_BYTES };
  const whole = (id: number): Buffer[] => [begin(id), ...params(id, 1000), paramsEnd(id)];
  const overloaded = `as ${PROTOCOL_STATUS.overloaded}`;

  void test('the request that is too much is refused, the others go on', () => {
    const reader = new FastcgiServerReader(limits);
    const events = push(reader, ...whole(1), ...whole(2), ...whole(3), bodyEnd(3), bodyEnd(1));
    assert.deepEqual(events, ['request 1', 'request 2', `refused 3 ${overloaded}`, 'body-end 1']);
  });

  void test('what is finished leaves room', () => {
    const reader = new FastcgiServerReader(limits);
    for (let id = 1; id < 100; id += 1) {
      assert.deepEqual(push(reader, ...whole(id)), [`request ${id}`]);
      reader.finish(id);
      reader.finish(id);
    }
  });

  void test('what is aborted before it is there leaves room at once', () => {
    const reader = new FastcgiServerReader(limits);
    const abort = (id: number): Buffer => encodeRecord(RECORD.abortRequest, id, Buffer.alloc(0));
    for (let id = 1; id < 60; id += 1) {
      assert.deepEqual(push(reader, begin(id), ...params(id, 1000), abort(id)), [`abort ${id}`]);
    }
    assert.deepEqual(push(reader, ...whole(100)), ['request 100']);
  });

  void test('many short ones count more than their bytes', () => {
    const many = encodePairs(Array.from({ length: 20 }, () => ['a', 'b'] as const));
    const events = push(
      new FastcgiServerReader({ maxParamsBytes: 1000, maxOpenParamsBytes: 20 * PARAM_COST_BYTES }),
      begin(1),
      ...encodeStream(RECORD.params, 1, many),
      paramsEnd(1),
    );
    assert.deepEqual(events, [`refused 1 ${overloaded}`]);
  });
});

void describe('FastCGI requests that are open at once', () => {
  void test('more than maxRequests are refused as overload, until one is finished', () => {
    const reader = new FastcgiServerReader({ maxRequests: 2 });
    assert.deepEqual(push(reader, begin(1), begin(2), begin(3)), ['refused 3 as 2']);
    reader.finish(1);
    assert.deepEqual(push(reader, begin(3), paramsEnd(3)), ['request 3']);
  });

  void test('where one is the most, the second cannot be multiplexed', () => {
    assert.deepEqual(push(new FastcgiServerReader({ maxRequests: 1 }), begin(1), begin(2)), [
      `refused 2 as ${PROTOCOL_STATUS.cantMultiplex}`,
    ]);
  });

  void test('a role is refused before the number is', () => {
    assert.deepEqual(push(new FastcgiServerReader({ maxRequests: 1 }), begin(1), begin(2, 2)), [
      `refused 2 as ${PROTOCOL_STATUS.unknownRole}`,
    ]);
  });

  void test('an id is free again when it is finished, and what is late is passed over', () => {
    const reader = new FastcgiServerReader();
    assert.deepEqual(push(reader, begin(7), paramsEnd(7)), ['request 7']);
    assert.equal(reader.idle, false);
    reader.finish(7);
    assert.equal(reader.idle, true);
    assert.deepEqual(push(reader, ...encodeStream(RECORD.stdin, 7, Buffer.from('late')), bodyEnd(7)), []);
    assert.deepEqual(push(reader, begin(7), paramsEnd(7), bodyEnd(7)), ['request 7', 'body-end 7']);
  });

  void test('idle only between records, and when nothing is open', () => {
    const reader = new FastcgiServerReader();
    assert.equal(reader.idle, true);
    const record = encodeRecord(RECORD.getValues, 0, Buffer.alloc(0));
    push(reader, record.subarray(0, 3));
    assert.equal(reader.idle, false);
    push(reader, record.subarray(3));
    assert.equal(reader.idle, true);
    push(reader, begin(1));
    assert.equal(reader.idle, false);
  });
});

void test('SCGI headers: as many bytes as allowed, and not one more', () => {
  const head = encodeScgiHead(0, [['N', Buffer.alloc(973, 'v')]]);
  assert.ok(head.toString('latin1').startsWith('1000:'), head.toString('latin1').slice(0, 10));
  assert.equal([...new ScgiServerReader(1000).push(head)].length, 2);
  assert.throws(() => [...new ScgiServerReader(999).push(head)], { code: 'SCGI_TOO_LONG' });
});

void test('an SCGI connection is idle before its request and behind its body', () => {
  const reader = new ScgiServerReader();
  const request = Buffer.concat([encodeScgiHead(2, []), Buffer.from('ab')]);
  assert.equal(reader.idle, true);
  for (const byte of request.subarray(0, -1)) {
    for (const _ of reader.push(Buffer.of(byte)));
    assert.equal(reader.idle, false);
  }
  for (const _ of reader.push(request.subarray(-1)));
  assert.equal(reader.idle, true);
});
