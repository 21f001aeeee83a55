/** From a child's pipe to the log's file: every line of what real programs write, in order. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LINE_LIMIT_BYTES } from '../../src/keeper/output/lines.ts';
import { LogSinks } from '../../src/keeper/output/log-sinks.ts';
import { OutputReaders } from '../../src/keeper/output/output.ts';
import { PoolLogs } from '../../src/keeper/output/pool-logs.ts';
import { outputPipe } from '../../src/os/descriptor.ts';
import { Poller } from '../../src/os/poller.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

interface OutputRecord {
  readonly level: number;
  readonly pool: string;
  readonly pid: number;
  readonly stream: string;
  readonly part?: number;
  readonly last?: boolean;
  readonly msg: string;
}

suite('integration/log-sink-output', {}, async scope => {
  const { dir } = scope;
  const poller = new Poller();
  scope.defer(() => poller.close());

  /** Runs a command with its stdout followed by the keeper's code, and gives what the log then holds. */
  async function logOf(name: string, command: string, ...args: string[]): Promise<OutputRecord[]> {
    const file = join(dir, `${name}.log`);
    const sinks = LogSinks.open({ file, format: 'json' });
    const { read, write } = outputPipe();
    const child = spawn(command, args, { stdio: ['ignore', write, 'inherit'] });
    closeSync(write);
    const pid = child.pid ?? 0;
    const ofPools = new PoolLogs(
      () => sinks,
      () => {},
    );
    new OutputReaders(poller, { sinks, ofPools }).follow(read, { pool: 'www', pid, stream: 'stdout' }, null);
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    // The end of the pipe follows its last byte, so the splitter's last line comes after all others.
    const isWhole = (): boolean => readFileSync(file, 'latin1').includes('"msg":"the end"');
    await until(isWhole, { what: 'the last line in the log' });
    assert.equal(await sinks.close(), 0);
    const records = readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as OutputRecord);
    for (const record of records) {
      assert.deepEqual([record.level, record.pool, record.pid, record.stream], [30, 'www', pid, 'stdout']);
    }
    assert.equal(records.pop()?.msg, 'the end');
    return records;
  }

  await scope.test('100,000 lines written as fast as the pipe takes them', async () => {
    const records = await logOf('many', 'sh', '-c', 'seq -f "line %.0f" 100000; printf "the end"');
    assert.equal(records.length, 100_000);
    for (const [index, { msg }] of records.entries()) assert.equal(msg, `line ${index + 1}`);
  });

  await scope.test('200,000 empty lines, whose records are far longer than what was read', async () => {
    const records = await logOf('empty', 'sh', '-c', 'yes "" | head -n 200000; printf "the end"');
    assert.equal(records.length, 200_000);
    assert.ok(records.every(({ msg }) => msg === ''));
  });

  await scope.test('a line of 1 MB, in parts', async () => {
    const line = '0123456789abcdef'.repeat(65_536);
    writeFileSync(join(dir, 'long.txt'), `${line}\n`);
    const records = await logOf('long', 'sh', '-c', `cat ${dir}/long.txt; printf "the end"`);
    assert.equal(records.length, line.length / LINE_LIMIT_BYTES);
    assert.ok(records.map(({ msg }) => msg).join('') === line, 'the parts make the line');
    assert.deepEqual(
      records.map(({ part }) => part),
      records.map((_, index) => index + 1),
    );
    assert.ok(records.every(({ last }, index) => last === (index === records.length - 1)));
  });

  await scope.test('4 MB of random bytes: one record a line, and each byte can be told again', async () => {
    // No backslash: it stays as it is, so it would look like an escape below.
    const bytes = randomBytes(4_000_000).map(byte => (byte === 0x5c ? 0x20 : byte));
    writeFileSync(join(dir, 'random.bin'), Buffer.concat([bytes, Buffer.from('\n')]));
    const records = await logOf('random', 'sh', '-c', `cat ${dir}/random.bin; printf "the end"`);
    const told = records.map(({ msg }) => {
      const raw = msg.replace(/\\x(..)|\\u(....)|[^\\]+/g, (text, byte?: string, character?: string) => {
        if (byte !== undefined) return Buffer.from(byte, 'hex').toString('latin1');
        const plain = character === undefined ? text : String.fromCharCode(Number.parseInt(character, 16));
        return Buffer.from(plain).toString('latin1');
      });
      return raw;
    });
    const lines = Buffer.from(bytes).toString('latin1').split('\n');
    assert.equal(told.length, lines.length);
    for (const [index, line] of lines.entries())
      assert.ok(told[index] === line.replace(/\r$/, ''), `line ${index}`);
  });
});
