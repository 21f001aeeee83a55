/** Logs that are files: appending, rotation under load, links, a full device. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { plainFormat } from '../../src/keeper/output/log-format.ts';
import { LogSink, PENDING_LIMIT_BYTES } from '../../src/keeper/output/log-sink.ts';
import { LogSinks } from '../../src/keeper/output/log-sinks.ts';
import { PoolLogs } from '../../src/keeper/output/pool-logs.ts';
import { suite } from '../lib/suite.ts';
import { assertComplete, records, writeNumbered } from './log-sink-lines.ts';

suite('integration/log-sink', {}, async scope => {
  const { dir } = scope;
  const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
  const before = openDescriptors();
  // Newer versions of Node close some of their own meanwhile.
  scope.defer(() => assert.ok(openDescriptors() <= before, 'descriptors are closed'));

  await scope.test('a file is made with mode 0640, appended to, and written whole on close', async () => {
    const file = join(dir, 'plain.log');
    for (const from of [0, 1000]) {
      const sink = new LogSink(file, plainFormat);
      writeNumbered(sink, from, 1000);
      assert.equal(await sink.close(), 0);
    }
    assertComplete(records(readFileSync(file, 'utf8')), 2000);
    assert.equal(statSync(file).mode & 0o777, 0o640);
  });

  await scope.test('a finished line is passed through as it is', async () => {
    const file = join(dir, 'raw.log');
    const sink = new LogSink(file, plainFormat);
    sink.writeRaw('{"level":30,"msg":"ä"}');
    await sink.close();
    assert.equal(readFileSync(file, 'utf8'), '{"level":30,"msg":"ä"}\n');
  });

  await scope.test(
    'reopening under load loses nothing: the files together hold every line once',
    async () => {
      const file = join(dir, 'rotated.log');
      const sink = new LogSink(file, plainFormat);
      for (let round = 0; round < 400; round++) {
        writeNumbered(sink, round * 100, 100);
        if (round % 80 === 79) {
          renameSync(file, `${file}.${round}`);
          sink.reopen();
        }
        await nextTurn();
      }
      assert.equal(await sink.close(), 0);
      const rotated = [79, 159, 239, 319, 399].map(round => readFileSync(`${file}.${round}`, 'utf8'));
      assert.ok(rotated.every(text => records(text).length > 0));
      assertComplete(records([...rotated, readFileSync(file, 'utf8')].join('')), 40_000);
    },
  );

  await scope.test(
    'pools that name one file share it; a file that cannot be reopened is kept, and that is said',
    async () => {
      const main = join(dir, 'main.log');
      const file = join(dir, 'shared.log');
      const sinks = LogSinks.open({ file: main, format: 'json' });
      const changes: string[] = [];
      const logs = new PoolLogs(
        () => sinks,
        (path, failure) => changes.push(`${path} ${failure === null ? 'open' : 'not open'}`),
      );
      logs.enter(file, 'a');
      logs.enter(`${dir}/./shared.log`, 'b');
      const sink = sinks.of(file);
      assert.equal(sinks.of(`${dir}/./shared.log`), sink);
      assert.equal(sinks.of(main), sinks.main);
      writeNumbered(sink, 0, 10);
      renameSync(file, `${file}.old`);
      mkdirSync(file);
      for (const _ of [1, 2]) {
        assert.equal(logs.reopen(), null);
        assert.deepEqual(
          logs.failures.map(it => [it.file, it.isTenants]),
          [[file, false]],
        );
        assert.match(logs.failures[0]?.message ?? '', /shared\.log could not be reopened: EISDIR/);
      }
      writeNumbered(sink, 10, 10);
      logs.leave(file, 'a');
      assert.equal(logs.failures.length, 1);
      logs.leave(file, 'b');
      assert.deepEqual(changes, [`${file} not open`, `${file} open`]);
      assert.equal(await sinks.close(), 0);
      assertComplete(records(readFileSync(`${file}.old`, 'utf8')), 20);
      const said = records(readFileSync(main, 'utf8')).map(({ msg }) => msg ?? '');
      assert.equal(said.length, 1);
      assert.match(said[0] ?? '', /^pools a, b: log .* could not be reopened/);
    },
  );

  await scope.test('a symbolic link is followed only where nobody else could have put it', async () => {
    const target = join(dir, 'target.log');
    const ours = join(dir, 'ours');
    const everybodys = join(dir, 'everybodys');
    for (const [place, mode] of [
      [ours, 0o755],
      [everybodys, 0o777],
    ] as const) {
      mkdirSync(place);
      chmodSync(place, mode);
      symlinkSync(target, join(place, 'link.log'));
    }
    assert.throws(() => new LogSink(join(everybodys, 'link.log'), plainFormat), { code: 'ELOOP' });
    const sink = new LogSink(join(ours, 'link.log'), plainFormat);
    writeNumbered(sink, 0, 3);
    await sink.close();
    assertComplete(records(readFileSync(target, 'utf8')), 3);
  });

  await scope.test('a full device: what waits is bounded, and what was lost is counted', async () => {
    const sink = new LogSink('/dev/full', plainFormat);
    const count = 60_000;
    for (let from = 0; from < count; from += 1000) {
      writeNumbered(sink, from, 1000);
      await nextTurn();
      assert.ok(sink.pendingBytes <= PENDING_LIMIT_BYTES);
    }
    assert.ok(sink.pendingBytes > PENDING_LIMIT_BYTES - 1024, 'the test wrote more than may wait');
    assert.equal(await sink.close(10), count);
  });
});
