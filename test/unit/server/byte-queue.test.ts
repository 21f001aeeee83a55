/** Bytes that wait come out as they went in, whatever is put in and taken out in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../../src/server/byte-queue.ts';

type Step = { readonly add: number } | { readonly take: number } | 'clear';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 100_000 }).map(add => ({ add })) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 100_000 }).map(take => ({ take })) },
  { weight: 1, arbitrary: fc.constant('clear' as const) },
);

void test('two queues that share their memory are each a queue', () => {
  let byte = 0;
  const steps = fc.array(fc.tuple(fc.nat(1), step), { maxLength: 60 });
  fc.assert(
    fc.property(steps, list => {
      const queues = [new ByteQueue(), new ByteQueue()];
      const expected = [Buffer.alloc(0), Buffer.alloc(0)];
      for (const [which, what] of list) {
        const queue = queues[which] ?? assert.fail();
        const before = expected[which] ?? assert.fail();
        if (what === 'clear') {
          queue.clear();
          expected[which] = Buffer.alloc(0);
        } else if ('add' in what) {
          const bytes = Buffer.alloc(what.add, byte++);
          queue.add(bytes);
          expected[which] = Buffer.concat([before, bytes]);
        } else {
          const count = Math.min(what.take, before.length);
          queue.take(count);
          expected[which] = before.subarray(count);
        }
        queues.forEach((it, index) => {
          assert.equal(it.length, expected[index]?.length);
          assert.ok(it.bytes.equals(expected[index] ?? assert.fail()));
        });
      }
      for (const queue of queues) queue.clear();
    }),
  );
});

void test('what waits again and again needs no new memory', () => {
  const queue = new ByteQueue();
  const bytes = Buffer.alloc(1000, 'x');
  queue.add(bytes);
  const { buffer } = queue.bytes;
  for (let i = 0; i < 1000; i++) {
    queue.add(bytes);
    queue.take(bytes.length);
  }
  assert.equal(queue.bytes.buffer, buffer);
  queue.clear();
  const other = new ByteQueue();
  other.add(bytes);
  assert.equal(other.bytes.buffer, buffer);
});
