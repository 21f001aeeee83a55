/** What waits for descriptors, with real pipes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { outputPipe, setNonblocking, socketPair } from '../../../src/os/descriptor.ts';
import { HUNG_UP, Poller, WRITABLE } from '../../../src/os/poller.ts';
import { REPOSITORY } from '../../lib/paths.ts';
import { until } from '../../lib/poll.ts';

function openPoller(t: TestContext): Poller {
  const poller = new Poller();
  t.after(() => poller.close());
  return poller;
}

const SOURCES = join(REPOSITORY, 'src');

/** The lines that a program of its own prints, which must end well. */
async function run(program: string): Promise<string[]> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: REPOSITORY });
  return stdout.trim().split('\n');
}

function fill(descriptor: number): void {
  const bytes = Buffer.alloc(4096);
  try {
    for (;;) writeSync(descriptor, bytes);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
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

void test('events that are wanted change: for a pipe that is full room to write, then nothing', async t => {
  const poller = openPoller(t);
  const { read, write } = outputPipe();
  t.after(() => {
    poller.remove(write);
    closeSync(read);
    closeSync(write);
  });
  setNonblocking(write, true);
  fill(write);
  const seen: number[] = [];
  poller.add(write, events => void seen.push(events), 0);
  const other = countedPipe(t, poller);
  writeSync(other.write, 'x');
  await until(() => other.seen() === 1, { what: 'a turn without room' });
  assert.deepEqual(seen, []);

  poller.change(write, WRITABLE);
  readSync(read, Buffer.alloc(1024 * 1024));
  await until(() => seen.length > 0, { what: 'the room' });
  assert.equal(seen[0], WRITABLE);

  poller.change(write, 0);
  const before = seen.length;
  writeSync(other.write, 'x');
  await until(() => other.seen() === 2, { what: 'another turn' });
  assert.equal(seen.length, before);
});

void test('a hang-up is told to those who wait for nothing', async t => {
  const poller = openPoller(t);
  const [ours, theirs] = socketPair();
  t.after(() => {
    poller.remove(ours);
    closeSync(ours);
  });
  const seen: number[] = [];
  poller.add(ours, events => void seen.push(events), 0);
  closeSync(theirs);
  await until(() => seen.length > 0, { what: 'the hang-up' });
  assert.equal((seen[0] ?? 0) & HUNG_UP, HUNG_UP);
});

void test('a descriptor that gets a number in the turn in which that was closed hears nothing of its predecessor', async t => {
  const poller = openPoller(t);
  const [first, second] = [outputPipe(), outputPipe()];
  t.after(() => {
    for (const { write } of [first, second]) closeSync(write);
  });
  let successor: { readonly read: number; readonly write: number } | null = null;
  const strangers: number[] = [];
  /** The pipe whose turn is first closes the other one, and a new pipe gets its number. */
  const replace = (own: number, other: number): void => {
    poller.remove(own);
    if (successor !== null) return;
    poller.remove(other);
    closeSync(other);
    const pipe = outputPipe();
    successor = pipe;
    poller.add(pipe.read, () => strangers.push(pipe.read));
    assert.equal(pipe.read, other);
    t.after(() => {
      poller.remove(pipe.read);
      for (const descriptor of [own, pipe.read, pipe.write]) closeSync(descriptor);
    });
  };
  poller.add(first.read, () => replace(first.read, second.read));
  poller.add(second.read, () => replace(second.read, first.read));
  for (const { write } of [first, second]) writeSync(write, 'x');
  await until(() => successor !== null, { what: 'the first call' });
  const other = countedPipe(t, poller);
  writeSync(other.write, 'x');
  await until(() => other.seen() === 1, { what: 'another turn' });
  assert.deepEqual(strangers, []);
});

void test('what a handler throws is an uncaught exception, and the others are called all the same', async () => {
  const program = `
    import { writeSync } from 'node:fs';
    import { outputPipe } from '${SOURCES}/os/descriptor.ts';
    import { Poller } from '${SOURCES}/os/poller.ts';
    const poller = new Poller();
    const pipes = [outputPipe(), outputPipe()];
    process.on('uncaughtException', error => console.log(error.message));
    for (const [i, { read, write }] of pipes.entries()) {
      poller.add(read, () => {
        poller.remove(read);
        if (i === 0) throw new Error('thrown');
        console.log('called');
        poller.close();
      });
      writeSync(write, 'x');
    }`;
  assert.deepEqual((await run(program)).sort(), ['called', 'thrown']);
});

void test('a process may exit while something can be read, and waits while nothing can', async () => {
  const program = `
    import { writeSync } from 'node:fs';
    import { outputPipe } from '${SOURCES}/os/descriptor.ts';
    import { Poller } from '${SOURCES}/os/poller.ts';
    const { read, write } = outputPipe();
    setTimeout(() => { console.log('it is still there'); writeSync(write, 'x'); }, 20).unref();
    new Poller().add(read, () => { console.log('exit'); process.exit(0); });`;
  assert.deepEqual(await run(program), ['it is still there', 'exit']);
});

void test('closed, it has given back its descriptors', async () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  const pollers = Array.from({ length: 3 }, () => new Poller());
  assert.equal(open(), before + 3);
  for (const poller of pollers) poller.close();
  await until(() => open() <= before, { what: 'the descriptors to be closed' });
});
