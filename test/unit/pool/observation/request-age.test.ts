/** When a look at a connection says that another request has begun. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterLook, type RequestLook } from '../../../../src/pool/observation/request-age.ts';

const UNKNOWN: RequestLook = { isWaiting: false, calls: null, bytes: null };
const calls = (reads: number, writes: number): RequestLook => ({ ...UNKNOWN, calls: { reads, writes } });
const bytes = (received: number, sent: number, isAnsweredLast: boolean): RequestLook => ({
  ...UNKNOWN,
  bytes: { received, sent, isAnsweredLast },
});

const ROWS: readonly [string, RequestLook, RequestLook, boolean][] = [
  ['nothing is known: the same one', UNKNOWN, UNKNOWN, false],
  ['it waits for its client: none is in hand', UNKNOWN, { ...UNKNOWN, isWaiting: true }, true],
  ['it has read and written: perhaps an answer and another request', calls(5, 5), calls(6, 6), true],
  ['it has only read', calls(5, 5), calls(900, 5), false],
  ['it has only written', calls(5, 5), calls(5, 900), false],
  ['it did neither', calls(5, 5), calls(5, 5), false],
  ['it was not known before what it had read', UNKNOWN, calls(900, 900), false],
  ['an answer went, and more came', bytes(100, 50, true), bytes(200, 50, false), true],
  ['both in between', bytes(100, 0, false), bytes(200, 50, true), true],
  ['the body of the same request comes', bytes(100, 0, false), bytes(9000, 0, false), false],
  ['an answer goes on and on', bytes(100, 50, true), bytes(100, 9000, true), false],
  [
    'bytes are surer than calls',
    bytes(9, 0, false),
    { ...calls(9, 9), bytes: { received: 9, sent: 5, isAnsweredLast: true } },
    false,
  ],
  [
    'it waits for many, and was the last to say something',
    bytes(100, 50, true),
    { ...bytes(100, 50, true), isWaiting: null },
    true,
  ],
  [
    'it waits for many, and was asked last',
    bytes(100, 50, false),
    { ...bytes(100, 50, false), isWaiting: null },
    false,
  ],
];

for (const [row, before, look, isOther] of ROWS) {
  void test(row, () => {
    const memory = { sinceMs: 1000, last: before };
    assert.deepEqual(afterLook(memory, look, false, 5000), { sinceMs: isOther ? 5000 : 1000, last: look });
    assert.equal(
      afterLook(memory, look, true, 5000).sinceMs,
      1000,
      'a protocol with one request a connection',
    );
  });
}

void test('the first look alone tells of another request only when none is in hand', () => {
  const first = { sinceMs: 1000, last: null };
  assert.equal(afterLook(first, calls(9, 9), false, 1200).sinceMs, 1000);
  assert.equal(afterLook(first, { ...UNKNOWN, isWaiting: true }, false, 1200).sinceMs, 1200);
});
