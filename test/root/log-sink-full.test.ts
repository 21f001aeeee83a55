/** A log on a file system that is really full, and has room again later. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { plainFormat } from '../../src/keeper/output/log-format.ts';
import { LogSink, PENDING_LIMIT_BYTES } from '../../src/keeper/output/log-sink.ts';
import { assertComplete, records, writeNumbered } from '../integration/log-sink-lines.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

suite('root/log-sink-full', { root: true }, async scope => {
  const disk = join(scope.dir, 'disk');
  const file = join(disk, 'www.log');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  scope.defer(() => {
    execFileSync('umount', ['--lazy', disk]); // a test that failed has left a file open
  });
  const resize = (size: string): void => {
    execFileSync('mount', ['-o', `remount,size=${size}`, disk]);
  };

  /** A sink whose file system has just become full in the middle of a line. */
  async function fill(count: number): Promise<LogSink> {
    rmSync(file, { force: true });
    resize('64k');
    const sink = new LogSink(file, plainFormat);
    writeNumbered(sink, 0, count);
    await nextTurn();
    assert.ok(sink.pendingBytes > 0, 'there is no room for all');
    const written = readFileSync(file, 'utf8');
    assert.ok(written.length > 0 && !written.endsWith('\n'), 'the last line is torn');
    return sink;
  }

  await scope.test('room again: the torn line is finished, and nothing is lost', async () => {
    const sink = await fill(1000);
    writeNumbered(sink, 1000, 10);
    resize('16m');
    await until(() => sink.pendingBytes === 0, { what: 'the lines to be written' });
    writeNumbered(sink, 1010, 10);
    assert.equal(await sink.close(), 0);
    assertComplete(records(readFileSync(file, 'utf8')), 1020);
  });

  await scope.test('full for too long: whole lines are dropped, and one record says how many', async () => {
    const count = 60_000;
    const sink = await fill(count);
    assert.ok(sink.pendingBytes <= PENDING_LIMIT_BYTES, 'memory is bounded');
    resize('32m');
    await until(() => sink.pendingBytes === 0, { what: 'the lines to be written' });
    writeNumbered(sink, count, 10);
    assert.equal(await sink.close(), 0);
    const found = records(readFileSync(file, 'utf8'));
    assertComplete(found, count + 10);
    const reports = found.filter(({ dropped }) => dropped !== undefined);
    assert.equal(reports.length, 1);
    assert.match(reports[0]?.msg ?? '', /lines dropped: the log's destination was full \(ENOSPC\)$/);
  });

  await scope.test('rotated while full: the torn line begins again in the new file', async () => {
    const sink = await fill(500);
    renameSync(file, `${file}.1`);
    sink.reopen();
    const rotated = readFileSync(`${file}.1`, 'utf8');
    rmSync(`${file}.1`);
    resize('16m');
    assert.equal(await sink.close(10_000), 0);
    const whole = rotated.slice(0, rotated.lastIndexOf('\n') + 1);
    assertComplete(records(whole + readFileSync(file, 'utf8')), 500);
  });
});
