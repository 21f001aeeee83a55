/** What is encoded is what is decoded, whatever it is and however it is cut on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeHead, type SaidHead } from '../../src/protocols/cgi-response/encode.ts';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import * as bodies from '../../src/protocols/fastcgi/bodies.ts';
import { encodeRequestHead, encodeStdin, encodeStdinEnd } from '../../src/protocols/fastcgi/client.ts';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import {
  decodeHeader,
  encodeHeader,
  encodeRecord,
  encodeStream,
} from '../../src/protocols/fastcgi/records.ts';
import { encodeEnd, encodeStdout } from '../../src/protocols/fastcgi/server.ts';
import type { Pair } from '../../src/protocols/pair.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { cutAt, fixturePairs } from './fixture-pairs.ts';
import { READERS } from './readers.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength, size: 'max' }).map(array => Buffer.from(array));
const places = fc.array(fc.nat({ max: 200_000 }), { maxLength: 12 });
const read = (kind: string, encoded: Buffer, cuts: readonly number[]): unknown =>
  READERS[kind]?.(cutAt(encoded, cuts));

void test('record headers', () => {
  const header = fc.record(
    {
      type: fc.nat({ max: 255 }),
      requestId: fc.nat({ max: 65_535 }),
      contentBytes: fc.nat({ max: 65_535 }),
      paddingBytes: fc.nat({ max: 255 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(header, value => {
      const encoded = encodeHeader(value);
      assert.deepEqual(decodeHeader(encoded), value);
      assert.equal(encoded[7], 0, 'the reserved byte');
      // What another header takes from the pool has held this.
      encoded.fill(0xff);
    }),
    { numRuns: 3000 },
  );
});

void test('the bodies of begin and end', () => {
  const begin = fc.record(
    { role: fc.nat({ max: 65_535 }), keepConnection: fc.boolean() },
    { noNullPrototype: true },
  );
  const end = fc.record(
    { appStatus: fc.nat({ max: 0xffff_ffff }), protocolStatus: fc.nat({ max: 255 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(begin, end, (one, other) => {
      assert.deepEqual(bodies.decodeBeginRequest(bodies.encodeBeginRequest(one)), one);
      assert.deepEqual(bodies.decodeEndRequest(bodies.encodeEndRequest(other)), other);
    }),
  );
});

void test('name-value pairs', () => {
  const pairs = fc.array(fc.tuple(bytes(300), bytes(300)), { maxLength: 20 });
  fc.assert(
    fc.property(pairs, places, (given, cuts) => {
      const expected = given.map(([name, value]) => [latin1(name), latin1(value)]);
      assert.deepEqual(read('fastcgi-pairs', encodePairs(given), cuts), expected);
    }),
  );
});

void test('streams of any length, in records that are multiples of eight bytes', () => {
  const lengths = fc.oneof(
    fc.nat({ max: 100 }),
    fc.constantFrom(65_527, 65_528, 65_529, 65_535, 65_536, 140_000),
  );
  fc.assert(
    fc.property(lengths, places, (length, cuts) => {
      const content = Buffer.alloc(length, 'abcdefg');
      const pieces = encodeStream(RECORD.stdout, 1, content);
      const copied = pieces.filter(piece => length >= 4096 && piece.buffer !== content.buffer);
      assert.ok(
        copied.every(piece => piece.length < 4200),
        'long content is not copied',
      );
      const encoded = Buffer.concat(pieces);
      for (let at = 0; at < encoded.length; ) {
        const { contentBytes, paddingBytes } = decodeHeader(encoded.subarray(at));
        at += 8 + contentBytes + paddingBytes;
        assert.equal(at % 8, 0);
      }
      const seen = read('fastcgi-records', encoded, cuts);
      assert.ok(Array.isArray(seen));
      assert.equal(seen.map((record: { content: string }) => record.content).join(''), latin1(content));
    }),
    { numRuns: 40 },
  );
});

void test('a record that would be too long is refused', () => {
  assert.throws(() => encodeRecord(RECORD.stdout, 1, Buffer.alloc(65_536)), RangeError);
});

void test('a request as the client sends it, read by the server side', () => {
  const params = fc.array(fc.tuple(bytes(40), bytes(400)), { maxLength: 10 });
  fc.assert(
    fc.property(params, bytes(2000), places, (given, body, cuts) => {
      const encoded = Buffer.concat([encodeRequestHead(given), ...encodeStdin(body), encodeStdinEnd()]);
      const expected: unknown[] = [
        {
          type: 'request',
          requestId: 1,
          keepConnection: false,
          params: given.map(([name, value]) => [latin1(name), latin1(value)]),
        },
        { type: 'body', requestId: 1, chunk: latin1(body) },
        { type: 'body-end', requestId: 1 },
      ];
      if (body.length === 0) expected.splice(1, 1);
      assert.deepEqual(read('fastcgi-server', encoded, cuts), { events: expected, idle: false });
    }),
  );
});

void test('an answer as the server side sends it, read by the client', () => {
  fc.assert(
    fc.property(bytes(2000), fc.nat({ max: 0xffff_ffff }), places, (body, appStatus, cuts) => {
      const end = { appStatus, protocolStatus: 0 };
      const encoded = Buffer.concat([...encodeStdout(1, body), encodeEnd(1, end)]);
      assert.deepEqual(read('fastcgi-client', encoded, cuts), { stdout: latin1(body), stderr: '', end });
    }),
  );
});

void test('SCGI headers: CONTENT_LENGTH first, SCGI=1, the rest in its order, the body behind them', () => {
  const text = bytes(60).map(value => Buffer.from(value.filter(byte => byte !== 0)));
  const name = text.filter(value => value.length > 0 && !['CONTENT_LENGTH', 'SCGI'].includes(latin1(value)));
  const headers = fc.uniqueArray(fc.tuple(name, text), { maxLength: 10, selector: ([key]) => latin1(key) });
  fc.assert(
    fc.property(headers, bytes(500), places, (given, body, cuts) => {
      const encoded = Buffer.concat([encodeScgiHead(body.length, given), body]);
      const expected = [
        ['CONTENT_LENGTH', String(body.length)],
        ['SCGI', '1'],
        ...given.map(([key, value]) => [latin1(key), latin1(value)]),
      ];
      const events: unknown[] = [
        { type: 'request', params: expected, contentLengthBytes: body.length },
        { type: 'body', chunk: latin1(body) },
        { type: 'body-end' },
      ];
      if (body.length === 0) events.splice(1, 1);
      assert.deepEqual(read('scgi-server', encoded, cuts), { events, idle: true });
    }),
  );
});

void test('SCGI headers that cannot be sent are refused, and CONTENT_LENGTH is ours', () => {
  for (const [key, value] of [
    ['', 'x'],
    ['A\0B', 'x'],
    ['A', 'x\0y'],
  ] as const) {
    assert.throws(() => encodeScgiHead(0, [[key, value]]), { code: 'SCGI_HEADERS' }, JSON.stringify(key));
  }
  assert.throws(
    () =>
      encodeScgiHead(0, [
        ['A', '1'],
        ['A', '2'],
      ]),
    { code: 'SCGI_HEADERS' },
  );
  const overridden = encodeScgiHead(5, [
    ['CONTENT_LENGTH', '7'],
    ['SCGI', '2'],
  ]);
  assert.equal(overridden.toString('latin1'), '24:CONTENT_LENGTH\x005\0SCGI\x001\0,');
});

void test('header lines of a CGI response', () => {
  const name = fc.stringMatching(/^X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
  const value = fc.stringMatching(
    /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?)?$/,
  );
  const fields = fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fields, fc.constantFrom('\n', '\r\n'), bytes(200), places, (given, lineEnd, body, cuts) => {
      const head = given.map(([key, text]) => `${key}: ${text}${lineEnd}`).join('');
      const encoded = Buffer.concat([Buffer.from(head + lineEnd, 'latin1'), body]);
      assert.deepEqual(read('cgi-response', encoded, cuts), {
        kind: 'document',
        status: 200,
        reason: '',
        fields: given,
        location: null,
        contentType: null,
        contentLengthBytes: null,
        body: latin1(body),
      });
    }),
  );
});

for (const kind of ['cgi-response', 'cgi-response-scgi']) {
  void test(`the heads of ${kind}, said again and read again, are the same`, () => {
    for (const { name, bytes: said } of fixturePairs(kind, 'valid')) {
      const reader = new CgiResponseReader({ statusLine: true });
      reader.push(said);
      const { head } = reader;
      assert.ok(head !== null, name);
      const again = new CgiResponseReader();
      again.push(encodeHead(head));
      assert.deepEqual(again.head, head, name);
    }
  });
}

void test('Status is said first where it does not follow from the fields', () => {
  const text = (head: SaidHead): string => encodeHead(head).toString('latin1');
  const fields: Pair<string>[] = [
    ['X-A', '1'],
    ['x-a', '\xe9'],
  ];
  const said: SaidHead = { kind: 'document', status: 200, reason: '', fields };
  assert.equal(text(said), 'X-A: 1\r\nx-a: \xe9\r\n\r\n');
  assert.equal(text({ ...said, reason: 'OK' }), 'Status: 200 OK\r\nX-A: 1\r\nx-a: \xe9\r\n\r\n');
  assert.equal(text({ ...said, status: 404 }), 'Status: 404\r\nX-A: 1\r\nx-a: \xe9\r\n\r\n');
  assert.equal(text({ ...said, fields: [] }), 'Status: 200\r\n\r\n');
});

void test('a head that would say more than it means is refused', () => {
  const said: SaidHead = { kind: 'document', status: 200, reason: '', fields: [] };
  const wrong: Partial<SaidHead>[] = [
    { reason: 'OK\r\nX: y' },
    { fields: [['X', 'a\nY: b']] },
    { fields: [['X', '\u0100']] },
    { fields: [['X Y', 'a']] },
    { fields: [['', 'a']] },
    { fields: [['X:', 'a']] },
  ];
  for (const part of wrong) {
    assert.throws(() => encodeHead({ ...said, ...part }), { code: 'CGI_HEADER' }, JSON.stringify(part));
  }
});
