/**
 * The cost of hostile splits, counted and not timed: while a reader takes a megabyte byte by byte, every byte
 * that is copied or searched is counted, and that must stay a small multiple of what came in.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import { FastcgiClientReader } from '../../src/protocols/fastcgi/client.ts';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs, PairReader } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeStream } from '../../src/protocols/fastcgi/records.ts';
import { FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { encodeNetstring, NetstringReader } from '../../src/protocols/scgi/netstring.ts';
import { singleBytes } from './fixture-pairs.ts';

const MEGABYTE = 1024 * 1024;
/** Doubling costs two copies of a byte at most, and each is stored once and looked at once or twice. */
const MOST_TOUCHES_PER_BYTE = 6;

/** What a call cost in bytes. */
type Cost = (self: Uint8Array, args: readonly unknown[], result: unknown) => number;

const lengthOf = (bytes: unknown): number => (bytes instanceof Uint8Array ? bytes.length : 0);

/** Every way in which our readers move or search bytes. */
const COSTS: readonly (readonly [owner: object, method: string, cost: Cost])[] = [
  [Uint8Array.prototype, 'set', (_self, [source]) => lengthOf(source)],
  [Buffer.prototype, 'copy', (_self, _args, copied) => Number(copied)],
  [Buffer.prototype, 'indexOf', (self, [_wanted, at]) => self.length - Number(at ?? 0)],
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
    name: 'one name-value pair of a megabyte',
    bytes: encodePairs([[name, Buffer.alloc(MEGABYTE - 2000, 'v')]]),
    reader: () => {
      const reader = new PairReader(MEGABYTE);
      return chunk => reader.push(chunk).length;
    },
  },
  {
    name: 'a hundred thousand name-value pairs in records',
    bytes: Buffer.concat([
      Buffer.from('\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0', 'latin1'),
      ...encodeStream(
        RECORD.params,
        1,
        encodePairs(Array.from({ length: 100_000 }, () => ['name', 'abcd'] as const)),
      ),
    ]),
    reader: () => {
      const reader = new FastcgiServerReader(MEGABYTE);
      return chunk => [...reader.push(chunk)].length;
    },
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
    name: 'SCGI headers of a megabyte',
    bytes: encodeNetstring(Buffer.alloc(MEGABYTE, 'h')),
    reader: () => {
      const reader = new NetstringReader(MEGABYTE);
      return chunk => reader.push(chunk).rest.length;
    },
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
  const readers = Array.from({ length: 1000 }, () => new PairReader());
  for (const reader of readers) reader.push(Buffer.from('\x01\x80\x0f\x00\x00', 'latin1'));
  assert.ok(process.memoryUsage().arrayBuffers - before < 50 * MEGABYTE);
});
