/** The thread that waits for descriptors, with real pipes. */
import assert from 'node:assert/strict';
import { closeSync, readdirSync, readSync, writeSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { outputPipe } from '../../../src/os/descriptor.ts';
import { Poller } from '../../../src/os/poller.ts';
import { until } from '../../lib/poll.ts';

function openPoller(t: TestContext): Poller {
  const poller = new Poller();
  t.after(() => poller.close());
  return poller;
}

/** A pipe whose handler empties it and counts the bytes. */
function countedPipe(t: TestContext, poller: Poller): { write: number; seen: () => number } {
  const { read, write } = outputPipe();
  const chunk = Buffer.alloc(65_536);
  let seen = 0;
  poller.add(read, () => {
    seen += readSync(read, chunk);
  });
  t.after(() => {
    poller.remove(read);
    closeSync(read);
    closeSync(write);
  });
  return { write, seen: () => seen };
}

void test('the handler of the descriptor that can be read is called, and no other', async t => {
  const poller = openPoller(t);
  const pipes = Array.from({ length: 300 }, () => countedPipe(t, poller));
  const chosen = pipes[123] ?? assert.fail();
  writeSync(chosen.write, 'x');
  await until(() => chosen.seen() === 1, { what: 'the byte' });
  assert.equal(
    pipes.reduce((sum, pipe) => sum + pipe.seen(), 0),
    1,
  );
});

void test('more descriptors at once than one round takes', async t => {
  const poller = openPoller(t);
  const pipes = Array.from({ length: 300 }, () => countedPipe(t, poller));
  for (const { write } of pipes) writeSync(write, 'x');
  await until(() => pipes.every(pipe => pipe.seen() === 1), { what: 'a byte from each' });
});

void test('a descriptor that was removed is not looked at any more', async t => {
  const poller = openPoller(t);
  const { read, write } = outputPipe();
  let calls = 0;
  poller.add(read, () => calls++);
  poller.remove(read);
  writeSync(write, 'x');
  const other = countedPipe(t, poller);
  writeSync(other.write, 'x');
  await until(() => other.seen() === 1, { what: 'the byte of the other pipe' });
  closeSync(read);
  closeSync(write);
  assert.equal(calls, 0);
});

void test('a handler that removes another one of the same round is obeyed', async t => {
  const poller = openPoller(t);
  const pipes = [outputPipe(), outputPipe()];
  let calls = 0;
  for (const { read, write } of pipes) {
    writeSync(write, 'x');
    poller.add(read, () => {
      calls++;
      for (const pipe of pipes) poller.remove(pipe.read);
    });
  }
  await until(() => calls > 0, { what: 'the first call' });
  const other = countedPipe(t, poller);
  writeSync(other.write, 'x');
  await until(() => other.seen() === 1, { what: 'another round' });
  for (const { read, write } of pipes) for (const descriptor of [read, write]) closeSync(descriptor);
  assert.equal(calls, 1);
});

void test('closed, it has given back its descriptors', async () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  const pollers = Array.from({ length: 3 }, () => new Poller());
  assert.equal(open(), before + 6);
  for (const poller of pollers) poller.close();
  await until(() => open() <= before, { what: 'the descriptors to be closed' });
});
