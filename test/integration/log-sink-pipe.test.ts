/** Logs that are named pipes whose reader we are: one that stops, that disappears, that finds a torn line. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { plainFormat } from '../../src/keeper/output/log-format.ts';
import { LogSink, PENDING_LIMIT_BYTES } from '../../src/keeper/output/log-sink.ts';
import { openDestination } from '../../src/os/log-destination.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';
import { assertComplete, records, writeNumbered } from './log-sink-lines.ts';

/** A named pipe's reading end, which reads when it is told to. */
class Reader {
  readonly #fd: number;
  readonly #chunk = Buffer.alloc(256 * 1024);
  text = '';

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  read(): void {
    try {
      for (let count = -1; count !== 0; ) {
        count = readSync(this.#fd, this.#chunk);
        this.text += this.#chunk.toString('latin1', 0, count);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Writes numbered lines into a pipe that nobody reads, until it is full in the middle of a line. */
async function fillPipe(sink: LogSink, count: number): Promise<void> {
  // After a first short write the next block meets the end of the pipe: it would just have fitted otherwise.
  writeNumbered(sink, 0, 1);
  await nextTurn();
  assert.equal(sink.pendingBytes, 0);
  writeNumbered(sink, 1, count - 1);
  await nextTurn();
  assert.ok(sink.pendingBytes > 0, 'the pipe is full');
}

function makeFifo(dir: string, name: string): string {
  const path = join(dir, name);
  execFileSync('mkfifo', [path]);
  return path;
}

suite('integration/log-sink-pipe', {}, async scope => {
  const { dir } = scope;
  const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
  const before = openDescriptors();
  // Newer versions of Node close some of their own meanwhile.
  scope.defer(() => assert.ok(openDescriptors() <= before, 'descriptors are closed'));

  await scope.test(
    'a reader that stops: lines wait, then are dropped; when it resumes, one record tells how many',
    async () => {
      const fifo = makeFifo(dir, 'stops');
      const reader = new Reader(fifo);
      scope.defer(() => reader.close());
      const sink = new LogSink(fifo, plainFormat);
      const count = 60_000;
      for (let from = 0; from < count; from += 1000) {
        writeNumbered(sink, from, 1000);
        await nextTurn();
        assert.ok(sink.pendingBytes <= PENDING_LIMIT_BYTES);
      }
      assert.ok(sink.pendingBytes > PENDING_LIMIT_BYTES - 1024, 'the test wrote more than may wait');
      const resumed = (): boolean => {
        reader.read();
        return sink.pendingBytes === 0;
      };
      await until(resumed, { what: 'the pipe to take all that waits' });
      writeNumbered(sink, count, 100);
      await until(resumed, { what: 'the pipe to take what came later' });
      assert.equal(await sink.close(), 0);
      reader.read();
      const found = records(reader.text);
      assertComplete(found, count + 100);
      const reports = found.filter(({ dropped }) => dropped !== undefined);
      assert.equal(reports.length, 1);
      assert.match(reports[0]?.msg ?? '', /^\d+ lines dropped: the log's destination was slow/);
    },
  );

  await scope.test(
    'a reader that disappears: what waits is dropped, and the next reader is told how many',
    async () => {
      const fifo = makeFifo(dir, 'gone');
      const first = new Reader(fifo);
      const destination = openDestination(fifo);
      let tries = 0;
      const counted = (bytes: Buffer): number => {
        tries++;
        return destination.write(bytes);
      };
      const sink = new LogSink(fifo, plainFormat, { ...destination, write: counted });
      const count = 5000;
      await fillPipe(sink, count);
      first.close();
      await until(() => sink.pendingBytes === 0, { what: 'the lines to be given up' });
      writeNumbered(sink, count, 100);
      assert.equal(sink.pendingBytes, 0, 'nothing waits for somebody who is not there');
      const triesWhenGone = tries;
      await until(() => tries >= triesWhenGone + 2, { what: 'the report to be tried in vain' });

      const second = new Reader(fifo);
      scope.defer(() => second.close());
      const isReported = (): boolean => {
        second.read();
        return second.text.includes('"dropped"') && second.text.endsWith('\n');
      };
      await until(isReported, { what: 'the report' });
      writeNumbered(sink, count + 100, 10);
      assert.equal(await sink.close(), 0);
      second.read();
      // What the pipe held ends in a torn line, which counts as dropped: the report begins on a new line.
      const lines = second.text.split('\n');
      const torn = lines.findIndex(line => line.startsWith('{"level":30') && !line.endsWith('}'));
      assert.ok(torn > 0, 'the pipe was full in the middle of a line');
      lines.splice(torn, 1);
      const found = records(lines.join('\n'));
      assertComplete(found, count + 110);
      assert.match(found[torn]?.msg ?? '', /lines dropped: the log's destination was gone \(EPIPE\)$/);
    },
  );

  await scope.test('a line torn by a full pipe is finished there when the log is reopened', async () => {
    const fifo = makeFifo(dir, 'torn');
    const reader = new Reader(fifo);
    scope.defer(() => reader.close());
    const sink = new LogSink(fifo, plainFormat);
    await fillPipe(sink, 5000);
    sink.reopen();
    const isRead = (): boolean => {
      reader.read();
      return sink.pendingBytes === 0;
    };
    await until(isRead, { what: 'the pipe to take all that waits' });
    await sink.close();
    reader.read();
    assertComplete(records(reader.text), 5000);
  });

  await scope.test(
    'a line torn by a full pipe begins again in the new file when the log is reopened',
    async () => {
      const fifo = makeFifo(dir, 'replaced');
      const reader = new Reader(fifo);
      scope.defer(() => reader.close());
      const sink = new LogSink(fifo, plainFormat);
      await fillPipe(sink, 5000);
      rmSync(fifo);
      sink.reopen();
      assert.equal(await sink.close(10_000), 0);
      reader.read();
      const inPipe = reader.text.slice(0, reader.text.lastIndexOf('\n') + 1);
      assert.ok(inPipe.length < reader.text.length, 'the pipe was full in the middle of a line');
      assertComplete(records(inPipe + readFileSync(fifo, 'utf8')), 5000);
    },
  );
});
