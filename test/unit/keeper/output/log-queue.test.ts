import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogQueue } from '../../../../src/keeper/output/log-queue.ts';

function drain(queue: LogQueue, stepBytes = Number.POSITIVE_INFINITY): string {
  const pieces: Buffer[] = [];
  while (queue.pendingBytes > 0) {
    const piece = queue.next().subarray(0, stepBytes);
    pieces.push(Buffer.from(piece));
    queue.take(piece.length);
  }
  return Buffer.concat(pieces).toString();
}

void test('gives back what was added, over many blocks, and counts it to the byte', () => {
  const queue = new LogQueue();
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'ä'.repeat(i % 100)}\n`);
  for (const line of lines) queue.add(line);
  assert.equal(queue.pendingBytes, Buffer.byteLength(lines.join('')));
  assert.equal(queue.lineCount, 5000);
  assert.equal(drain(queue, 777), lines.join(''));
  assert.equal(queue.pendingBytes, 0);
  assert.equal(queue.next().length, 0);
});

void test('a line longer than a block stays whole', () => {
  const queue = new LogQueue();
  const line = `${'x'.repeat(300_000)}\n`;
  queue.add('before\n');
  queue.add(line);
  queue.add('after\n');
  assert.equal(drain(queue), `before\n${line}after\n`);
});

void test('what is being written stays as it is while more is added', () => {
  const queue = new LogQueue();
  queue.add('one\n');
  const writing = queue.next();
  queue.add('two\n');
  assert.equal(writing.toString(), 'one\n');
  queue.take(writing.length);
  assert.equal(queue.next().toString(), 'two\n');
});

void test('a torn line is seen, counted, and can be begun again', () => {
  const queue = new LogQueue();
  queue.add('one\n');
  queue.add('two\n');
  queue.take(4);
  assert.equal(queue.torn, false);
  queue.take(2);
  assert.equal(queue.torn, true);
  assert.equal(queue.lineCount, 1);
  queue.untear();
  assert.equal(queue.torn, false);
  assert.equal(queue.pendingBytes, 4);
  assert.equal(queue.next().toString(), 'two\n');
});

void test('the first line of a block, torn, begins at the start of the block', () => {
  const queue = new LogQueue();
  queue.add('one\n');
  queue.take(3);
  assert.equal(queue.lineCount, 1, 'only its newline is missing, and it still counts');
  queue.untear();
  assert.equal(queue.next().toString(), 'one\n');
});

void test('empty lines do not count, and clear() leaves nothing', () => {
  const queue = new LogQueue();
  queue.add('\none\n');
  queue.add(`${'x'.repeat(70_000)}\n`);
  assert.equal(queue.lineCount, 2);
  queue.clear();
  assert.equal(queue.pendingBytes, 0);
  assert.equal(queue.lineCount, 0);
  queue.add('two\n');
  assert.equal(drain(queue), 'two\n');
});

void test('property: any order of adding, taking and beginning again loses and merges nothing', () => {
  const step = fc.oneof(
    fc.record({ add: fc.string({ maxLength: 30 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step), steps => {
      const queue = new LogQueue();
      let added = '';
      const written: Buffer[] = [];
      for (const step of steps) {
        if ('add' in step) {
          const line = `${step.add.replaceAll('\n', '')}\n`;
          added += line;
          queue.add(line);
        } else {
          const piece = queue.next().subarray(0, step.take);
          written.push(Buffer.from(piece));
          queue.take(piece.length);
        }
      }
      assert.equal(Buffer.concat(written).toString() + drain(queue), added);
    }),
  );
});
