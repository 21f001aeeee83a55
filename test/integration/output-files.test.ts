/** Where output goes: a pool's own file, a log that is moved away under it, and a log that nobody reads. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { type LogRecord, readLog } from '../lib/log.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import type { Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/output-own-file', {}, async scope => {
  const file = join(scope.dir, 'own.log');
  const daemon = await startDaemon(scope, {
    pools: {
      own: scriptPool('echo own; exec sleep 1000', { 'log.file': file }),
      common: scriptPool('echo common; exec sleep 1000'),
    },
    expectedLog: [/could not be reopened/],
  });

  await scope.test('a pool with log.file writes there, and nowhere else', async () => {
    const lines = (path: string): unknown[] =>
      readLog(path)
        .filter(it => 'stream' in it)
        .map(({ msg }) => msg);
    await until(() => lines(file).length > 0 && lines(join(scope.dir, 'fpm-ts.log')).length > 0, {
      what: 'both lines',
    });
    assert.deepEqual(lines(file), ['own']);
    assert.deepEqual(lines(join(scope.dir, 'fpm-ts.log')), ['common']);
    assert.equal(readLog(file).length, 1);
  });

  await scope.test('after a reload that names another file, the first is closed', async () => {
    const poolFile = join(daemon.poolsDir, 'own.toml');
    const text = readFileSync(poolFile, 'utf8');
    const files = (): string[] =>
      readdirSync(`/proc/${daemon.pid}/fd`).map(name => linkOf(`/proc/${daemon.pid}/fd/${name}`));
    writeFileSync(poolFile, text.replace(file, `${file}.other`));
    assert.equal((await daemon.cli('reload', 'own')).code, 0);
    await until(() => !files().includes(file), {
      what: 'the file to be closed',
      explain: () => files().join(' '),
    });
    assert.ok(files().includes(`${file}.other`));
    writeFileSync(poolFile, text);
    assert.equal((await daemon.cli('reload', 'own')).code, 0);
    await until(() => files().includes(file), { what: 'the first file again' });
  });

  await scope.test('it is reopened like the common log', async () => {
    renameSync(file, `${file}.1`);
    assert.equal((await daemon.cli('reopen-logs')).code, 0);
    assert.equal((await daemon.cli('reload', 'own')).code, 0);
    await until(() => readLog(file).some(({ msg }) => msg === 'own'), { what: 'the line of the new worker' });
  });

  await scope.test('a file that cannot be opened anew is told, and goes on where it is', async () => {
    const before = readLog(`${file}.1`).length + readLog(file).length;
    renameSync(file, `${file}.2`);
    mkdirSync(file);
    const { code, stdout } = await daemon.cli('reopen-logs', '--json');
    assert.equal(code, 1);
    assert.match(stdout, /own\.log could not be reopened: EISDIR/);
    assert.equal((await daemon.cli('scale', '--force', 'own', '2')).code, 0);
    await until(() => readLog(`${file}.1`).length + readLog(`${file}.2`).length > before, {
      what: 'the line of the new worker',
    });
  });
});

/** Several times what a log may keep waiting. */
const LINES = 400_000;

/** Bursts of two hundred lines. */
const PAUSE = '[ $((i % 200)) -ne 0 ] || sleep 0.05';

suite('integration/output-reopened', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: { www: scriptPool(`i=0; while :; do i=$((i+1)); echo "tick $i"; ${PAUSE}; done`) },
  });
  const file = join(scope.dir, 'fpm-ts.log');

  await scope.test(
    'a log that is moved away while workers write loses nothing and doubles nothing',
    async () => {
      const files = [file];
      for (let round = 1; round <= 4; round++) {
        const before = readLog(file).length;
        await until(() => readLog(file).length > before + 500, { what: 'five hundred more lines' });
        renameSync(file, `${file}.${round}`);
        files.unshift(`${file}.${round}`);
        assert.equal((await daemon.cli('reopen-logs')).code, 0);
      }
      await daemon.stop();
      const sorted = [1, 2, 3, 4].map(round => `${file}.${round}`);
      const records: LogRecord[] = [...sorted, file].flatMap(readLog);
      assert.equal(
        records.some(({ dropped }) => dropped !== undefined),
        false,
      );
      const ticks = records.flatMap(
        ({ msg }) =>
          /^tick (\d+)$/
            .exec(msg ?? '')
            ?.slice(1)
            .map(Number) ?? [],
      );
      assert.equal(
        ticks.findIndex((tick, index) => tick !== index + 1),
        -1,
      );
      for (const path of sorted) assert.ok(readLog(path).length > 500, path);
    },
  );
});

suite('integration/output-blocked', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const { dir } = scope;
  const hello = await helloPools(scope);
  const written = join(dir, 'shared/written');
  mkdirSync(join(dir, 'shared'));
  chmodSync(join(dir, 'shared'), 0o777);
  const loud = `seq -f 'line %.0f of a worker that nobody hears' ${LINES}; : > '${written}'; exec sleep 1000`;
  mkdirSync(join(dir, 'pools.d'));
  writeFileSync(join(dir, 'pools.d/www.toml'), hello('www'));
  writeFileSync(join(dir, 'pools.d/loud.toml'), scriptPool(loud));
  const config = join(dir, 'fpm-ts.toml');
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.format = "json"\n`);

  const pipe = join(dir, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  // Open for reading, so that it can be opened for writing; nobody reads until the end.
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, constants.O_WRONLY);
  const child = spawn(process.execPath, [MAIN, '-c', config, 'start'], {
    cwd: dir,
    stdio: ['ignore', 'ignore', writer],
    env: cleanEnvironment(),
  });
  closeSync(writer);
  const exited = once(child, 'exit');
  const watch = watchProcesses();
  const cli = (...args: string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, '-c', config, ...args], { cwd: dir });
  scope.defer(async () => {
    watch.look([child.pid ?? 0]);
    await cli('stop', '--now');
    await exited;
    closeSync(reader);
    await assertNothingLeft(watch, dir);
  });
  const socketPath = join(dir, 'run/control.sock');
  const status = async (): Promise<Status | undefined> => {
    try {
      return JSON.parse((await ask('http://localhost/v1/status', { socketPath })).text) as Status;
    } catch {
      return undefined; // it starts
    }
  };

  await scope.test('neither the worker nor the daemon waits for a log that nobody reads', async () => {
    await until(async () => (await status())?.pools.every(({ state }) => state === 'running'), {
      what: 'the pools to run',
    });
    await until(() => existsSync(written), {
      what: 'the worker to have written everything',
      deadlineMs: 60_000,
    });
    assert.match((await cli('request', 'www', '/')).stdout, /^hello/);
    assert.match((await cli('status')).stdout, /^www +running/m);
  });

  await scope.test(
    'when somebody reads again, whole lines come, and one record counts those that do not',
    async () => {
      let text = '';
      const chunk = Buffer.alloc(1024 * 1024);
      const read = (): void => {
        try {
          for (let count = readSync(reader, chunk); count > 0; count = readSync(reader, chunk))
            text += chunk.toString('utf8', 0, count);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        }
      };
      const records = (): LogRecord[] =>
        text
          .split('\n')
          .slice(0, -1)
          .map(line => JSON.parse(line) as LogRecord);
      await until(
        () => {
          read();
          return text.includes('"dropped":');
        },
        { what: 'the record of what was dropped', deadlineMs: 30_000 },
      );
      await cli('reopen-logs'); // something to say after it
      await until(
        () => {
          read();
          return text.includes('logsReopened');
        },
        { what: 'the log to go on' },
      );
      const all = records();
      const lines = all.filter(({ pool, stream }) => pool === 'loud' && stream === 'stdout').length;
      const dropped = all.reduce((sum, it) => sum + (typeof it.dropped === 'number' ? it.dropped : 0), 0);
      assert.ok(lines > 1000, `${lines}`);
      assert.ok(dropped > 0);
      // Our own records are lines as well; there are few of them.
      assert.ok(lines + dropped >= LINES && lines + dropped < LINES + 100, `${lines} + ${dropped}`);
    },
  );
});

/** A descriptor may be closed by the time that we look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
