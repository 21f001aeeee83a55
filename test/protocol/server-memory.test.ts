/** What a FastCGI connection makes its reader, and the one who keeps its requests, hold at most. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream } from '../../src/protocols/fastcgi/records.ts';
import { FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { MAX_PARAMS } from '../../src/protocols/param-limits.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What lives, after everything else was collected. */
function usedBytes(): number {
  // The memory of a buffer is given back by the collection after the one that finds it unused.
  for (let times = 0; times < 3; times += 1) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const IDS = Array.from({ length: 65_535 }, (_, index) => index + 1);
const begin = encodeBeginRequest({ role: 1, keepConnection: true });
const SHORT_PAIRS = encodePairs(Array.from({ length: MAX_PARAMS }, () => ['', ''] as const));
const LONG_PAIR = encodePairs([['n', Buffer.alloc(1_000_000)]]);

type RecordType = keyof typeof RECORD;

/** All ids are begun; the first of them send as much as they may. */
function* attack(params: Buffer, after: RecordType | null): Generator<Buffer> {
  for (const id of IDS.slice(0, 100)) {
    yield encodeRecord(RECORD.beginRequest, id, begin);
    yield Buffer.concat(encodeStream(RECORD.params, id, params));
    if (after !== null) yield encodeRecord(RECORD[after], id, Buffer.alloc(0));
  }
  for (const id of IDS.slice(100)) yield encodeRecord(RECORD.beginRequest, id, begin);
}

/** Twice the limit, because a store grows by doubling, and something for what holds it. */
const MOST_BYTES = 2 * 8 * 1024 * 1024 + 2 * 1024 * 1024;

for (const [what, pieces] of [
  ['parameters that do not end', () => attack(LONG_PAIR, null)],
  ['long parameters', () => attack(LONG_PAIR, 'params')],
  ['short parameters', () => attack(SHORT_PAIRS, 'params')],
  ['parameters whose requests are aborted', () => attack(LONG_PAIR, 'abortRequest')],
  ['requests without any', () => attack(Buffer.alloc(0), 'params')],
] as const) {
  void test(`${what} in as many requests as there are ids`, () => {
    const reader = new FastcgiServerReader();
    const kept: unknown[] = [];
    const before = usedBytes();
    let refused = 0;
    for (const piece of pieces()) {
      for (const event of reader.push(piece)) {
        if (event.type === 'refused') refused += 1;
        else kept.push(event);
      }
    }
    const heldBytes = usedBytes() - before;
    assert.ok(refused > 60_000);
    assert.ok(heldBytes < MOST_BYTES, `${heldBytes} bytes are held, ${kept.length} events`);
    assert.equal(reader.idle, false);
  });
}
