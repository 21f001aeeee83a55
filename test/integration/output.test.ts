/** What workers write, through the real daemon: each line a record with pool, pid and stream, nothing lost or merged. */
import assert from 'node:assert/strict';
import { startDaemon } from '../lib/daemon.ts';
import type { LogRecord } from '../lib/log.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const MEGABYTE = 1024 * 1024;
const LINES = 100_000;

/** Each says what it has to and then waits to be stopped. */
const SCRIPTS: Readonly<Record<string, string>> = {
  device: 'echo to-stderr > /dev/stderr; echo to-stdout > /dev/stdout; echo appended >> /dev/stderr',
  long: `head -c ${MEGABYTE} /dev/zero | tr '\\0' x; echo; echo after`,
  split: "printf 'first '; sleep 0.2; printf 'second '; sleep 0.2; echo third",
  binary: "printf 'a\\001b\\033[31mc\\377d\\000e\\r\\n'; printf 'gr\\303\\274n\\n'",
  many: `seq -f 'line %.0f of many' ${LINES}`,
  both: 'for i in 1 2 3; do echo out$i; echo err$i >&2; done',
};

suite('integration/output', {}, async scope => {
  const pools = Object.entries(SCRIPTS).map(([name, script]) => [
    name,
    scriptPool(`${script}; exec sleep 1000`),
  ]);
  const daemon = await startDaemon(scope, { pools: Object.fromEntries(pools) as Record<string, string> });
  const pidOf = async (pool: string): Promise<number | undefined> =>
    poolOf(await daemon.status(), pool).processes[0]?.pid;

  /** The records of that pool, once `count` of them are there. */
  function records(pool: string, count: number): Promise<LogRecord[]> {
    return until(
      () => {
        const found = daemon.log().filter(record => record.pool === pool && 'stream' in record);
        return found.length >= count ? found : undefined;
      },
      { what: `${count} records of ${pool}`, deadlineMs: 30_000 },
    );
  }

  await scope.test(
    '`echo > /dev/stderr` works in a worker, and each record has pool, pid and stream',
    async () => {
      const pid = await pidOf('device');
      const found = await records('device', 3);
      assert.deepEqual(
        found
          .map(({ level, pool, pid: from, stream, msg }) => [level, pool, from, stream, msg].join(' '))
          .sort(),
        ['stderr appended', 'stderr to-stderr', 'stdout to-stdout'].map(end => `30 device ${pid} ${end}`),
      );
      assert.ok(found.every(({ time }) => Math.abs(Number(time) - Date.now()) < 3_600_000));
    },
  );

  await scope.test('a line of a megabyte comes in marked parts, and the next line is whole', async () => {
    const found = await records('long', 17);
    const parts = found.slice(0, -1);
    assert.equal(parts.map(({ msg }) => msg).join(''), 'x'.repeat(MEGABYTE));
    assert.deepEqual(
      parts.map(({ part, last }) => [part, last]),
      parts.map((_, index) => [index + 1, index === parts.length - 1]),
    );
    assert.equal(found.at(-1)?.msg, 'after');
  });

  await scope.test('a line written in pieces is one record', async () => {
    assert.deepEqual(
      (await records('split', 1)).map(({ msg }) => msg),
      ['first second third'],
    );
  });

  await scope.test('bytes that are no text are shown and cannot act', async () => {
    assert.deepEqual(
      (await records('binary', 2)).map(({ msg }) => msg),
      ['a\\x01b\\x1b[31mc\\xffd\\x00e', 'grün'],
    );
  });

  await scope.test(`${LINES} lines: all of them, in order`, async () => {
    const found = await records('many', LINES);
    assert.equal(found.length, LINES);
    const wrong = found.findIndex(({ msg }, index) => msg !== `line ${index + 1} of many`);
    assert.equal(wrong, -1);
  });

  await scope.test('stdout and stderr are told apart, each in its order', async () => {
    const found = await records('both', 6);
    const of = (stream: string): unknown[] => found.filter(it => it.stream === stream).map(({ msg }) => msg);
    assert.deepEqual(of('stdout'), ['out1', 'out2', 'out3']);
    assert.deepEqual(of('stderr'), ['err1', 'err2', 'err3']);
  });
});

suite('integration/output-at-exit', {}, async scope => {
  // Started by `start`, so that they may end at once.
  const daemon = await startDaemon(scope, {
    pools: { last: scriptPool("trap 'printf last-words; exit 0' TERM; while :; do sleep 0.05; done") },
  });

  await scope.test('what a worker writes last is in the log, also without a newline', async () => {
    const [worker] = poolOf(await daemon.status(), 'last').processes;
    assert.equal((await daemon.cli('stop', 'last')).code, 0);
    const record = await until(() => daemon.log().find(({ msg }) => msg === 'last-words'), { what: 'it' });
    assert.deepEqual([record.pool, record.pid, record.stream], ['last', worker?.pid, 'stdout']);
  });
});

suite('integration/output-level', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: { www: scriptPool('echo said; exec sleep 1000') },
    config: 'log.level = "warn"',
  });

  await scope.test('log.level is about our own records: workers are always heard', async () => {
    await until(() => daemon.log().some(({ msg }) => msg === 'said'), { what: 'the line' });
    assert.deepEqual(
      daemon.log().map(({ msg }) => msg),
      ['said'],
    );
  });
});
