/**
 * The cost of hostile splits, counted and not timed: while a reader takes a megabyte byte by byte, every byte
 * that is copied or searched is counted, and that must stay a small multiple of what came in.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import { FastcgiClientReader } from '../../src/protocols/fastcgi/client.ts';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from '../../src/protocols/fastcgi/records.ts';
import { FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import type { PairInput } from '../../src/protocols/pair.ts';
import { encodeScgiHead } from '../../src/protocols/scgi/client.ts';
import { ScgiServerReader } from '../../src/protocols/scgi/server.ts';
import { singleBytes } from './fixture-pairs.ts';

const MEGABYTE = 1024 * 1024;
/** Doubling costs two copies of a byte at most, and each is stored once and looked at once or twice. */
const MOST_TOUCHES_PER_BYTE = 6;

/** What a call cost in bytes. */
type Cost = (self: Uint8Array, args: readonly unknown[], result: unknown) => number;

const lengthOf = (bytes: unknown): number => (bytes instanceof Uint8Array ? bytes.length : 0);

/** From where it began to what was found, or to the end. */
function searched(self: Uint8Array, [_wanted, from]: readonly unknown[], found: unknown): number {
  return (found === -1 ? self.length : Number(found) + 1) - Number(from ?? 0);
}

/** Every way in which our readers move or search bytes. */
const COSTS: readonly (readonly [owner: object, method: string, cost: Cost])[] = [
  [Uint8Array.prototype, 'set', (_self, [source]) => lengthOf(source)],
  [Buffer.prototype, 'copy', (_self, _args, copied) => Number(copied)],
  [Buffer.prototype, 'indexOf', searched],
  [Buffer.prototype, 'toString', self => self.length],
  [Buffer, 'concat', (_self, _args, joined) => lengthOf(joined)],
];

/** @throws as soon as it is more than `most`: the quadratic would take minutes to come to its end. */
function countTouches(most: number, run: () => void): void {
  let touched = 0;
  const restore = COSTS.map(([owner, method, cost]) => {
    const original: (...args: unknown[]) => unknown = Reflect.get(owner, method);
    Reflect.set(owner, method, function (this: Uint8Array, ...args: unknown[]) {
      const result = Reflect.apply(original, this, args);
      touched += cost(this, args, result);
      if (touched > most) throw new RangeError(`more than ${most} touches`);
      return result;
    });
    return () => Reflect.set(owner, method, original);
  });
  try {
    run();
  } finally {
    for (const undo of restore) undo();
  }
}

interface Hostile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly reader: () => (chunk: Buffer) => unknown;
}

const name = 'N'.repeat(1000);
const BEGIN = encodeRecord(RECORD.beginRequest, 1, encodeBeginRequest({ role: 1, keepConnection: true }));

const fastcgiRequest = (params: readonly PairInput[]): Buffer =>
  Buffer.concat([
    BEGIN,
    ...encodeStream(RECORD.params, 1, encodePairs(params)),
    encodeStreamEnd(RECORD.params, 1),
  ]);

/** Answers each request as soon as it is there, or given up. */
function fastcgiServer(): (chunk: Buffer) => void {
  const reader = new FastcgiServerReader();
  return chunk => {
    for (const event of reader.push(chunk)) {
      if (event.type === 'request' || event.type === 'abort') reader.finish(event.requestId);
    }
  };
}

function scgiServer(): (chunk: Buffer) => void {
  const reader = new ScgiServerReader();
  return chunk => void [...reader.push(chunk)];
}

const inputs: readonly Hostile[] = [
  {
    name: 'a body in FastCGI records',
    bytes: Buffer.concat(encodeStream(RECORD.stdout, 1, Buffer.alloc(MEGABYTE, 'x'))),
    reader: () => {
      const reader = new FastcgiClientReader();
      return chunk => [...reader.push(chunk)].length;
    },
  },
  {
    name: 'FastCGI records of one byte each',
    bytes: Buffer.concat(
      Array.from({ length: MEGABYTE / 16 }, () => encodeStream(RECORD.stderr, 1, Buffer.of(1))).flat(),
    ),
    reader: () => {
      const reader = new FastcgiClientReader();
      return chunk => [...reader.push(chunk)].length;
    },
  },
  {
    name: 'one FastCGI parameter of a megabyte',
    bytes: fastcgiRequest([[name, Buffer.alloc(MEGABYTE - 2000, 'v')]]),
    reader: fastcgiServer,
  },
  {
    name: 'ten thousand FastCGI parameters',
    bytes: fastcgiRequest(Array.from({ length: 10_000 }, () => ['name', 'abcd'])),
    reader: fastcgiServer,
  },
  {
    name: 'FastCGI parameters in records of one byte each',
    bytes: Buffer.concat([
      BEGIN,
      ...Array.from(encodePairs([[name, Buffer.alloc(MEGABYTE / 16, 'v')]]), byte =>
        encodeRecord(RECORD.params, 1, Buffer.of(byte)),
      ),
      encodeStreamEnd(RECORD.params, 1),
    ]),
    reader: fastcgiServer,
  },
  {
    name: 'requests that are all aborted',
    bytes: Buffer.concat(
      Array.from({ length: MEGABYTE / 32 }, () => [
        BEGIN,
        encodeRecord(RECORD.params, 1, encodePairs([['name', 'abcd']])),
        encodeRecord(RECORD.abortRequest, 1, Buffer.alloc(0)),
      ]).flat(),
    ),
    reader: fastcgiServer,
  },
  {
    name: 'one header line of a megabyte',
    bytes: Buffer.concat([Buffer.from('X: '), Buffer.alloc(MEGABYTE - 5, 'y'), Buffer.from('\n\n')]),
    reader: () => {
      const reader = new CgiResponseReader({ maxHeadBytes: MEGABYTE });
      return chunk => reader.push(chunk).length;
    },
  },
  {
    name: 'header lines of nearly nothing',
    bytes: Buffer.from(`${'X:\r\n'.repeat(MEGABYTE / 4 - 1)}\r\n`),
    reader: () => {
      const reader = new CgiResponseReader({ maxHeadBytes: MEGABYTE, maxLines: MEGABYTE });
      return chunk => reader.push(chunk).length;
    },
  },
  {
    name: 'one SCGI header of a megabyte, and a body',
    bytes: Buffer.concat([
      encodeScgiHead(1000, [[name, Buffer.alloc(MEGABYTE - 2000, 'v')]]),
      Buffer.alloc(1000),
    ]),
    reader: scgiServer,
  },
  {
    name: 'ten thousand SCGI headers',
    bytes: encodeScgiHead(
      0,
      Array.from({ length: 9_998 }, (_, index) => [`HTTP_X_${index}`, '']),
    ),
    reader: scgiServer,
  },
];

for (const { name: what, bytes, reader } of inputs) {
  void test(`${what}, byte by byte`, () => {
    const push = reader();
    const chunks = singleBytes(bytes);
    assert.doesNotThrow(() => countTouches(bytes.length * MOST_TOUCHES_PER_BYTE, () => chunks.forEach(push)));
  });
}

void test('the count sees what is quadratic', () => {
  const joinOneByOne = (): void => {
    let kept: Buffer = Buffer.alloc(0);
    for (const byte of singleBytes(Buffer.alloc(1000))) kept = Buffer.concat([kept, byte]);
  };
  assert.throws(() => countTouches(1000 * MOST_TOUCHES_PER_BYTE, joinOneByOne), RangeError);
});

void test('a length that promises much allocates nothing', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1000 }, () => [fastcgiServer(), scgiServer()] as const);
  for (const [fastcgi, scgi] of readers) {
    fastcgi(Buffer.concat([BEGIN, Buffer.from('\x01\x04\0\x01\xff\xff\0\0\x01\x80\x0f\x00\x00', 'latin1')]));
    scgi(Buffer.from('1000000:C'));
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 50 * MEGABYTE);
});
