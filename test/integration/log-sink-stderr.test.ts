/** The log on stderr of a process of its own, as the keeper has it: pipes and sockets that others share. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { PENDING_LIMIT_BYTES } from '../../src/keeper/output/log-sink.ts';
import { findProgram } from '../lib/needs.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { assertComplete, records } from './log-sink-lines.ts';

/** More than may wait. */
const COUNT = 60_000;

/**
 * Writes LINES numbered lines as fast as it can and says what then waits; after a line on stdin it writes
 * some more and ends. UID in its environment makes it another user before it opens the log.
 */
const WRITER = `
  import { readFileSync } from 'node:fs';
  import { once } from 'node:events';
  import { setImmediate as nextTurn } from 'node:timers/promises';
  import { LogSinks } from '${REPOSITORY}/src/keeper/output/log-sinks.ts';
  import { setNonblocking } from '${REPOSITORY}/src/os/descriptor.ts';
  import { writeNumbered } from '${REPOSITORY}/test/integration/log-sink-lines.ts';
  setNonblocking(2, false); // tsx has looked at process.stderr, which sets it
  if (process.env.UID !== undefined) process.setuid(Number(process.env.UID));
  const sinks = LogSinks.open({ file: 'stderr', format: 'auto' });
  const count = Number(process.env.LINES);
  let mostBytes = 0;
  for (let from = 0; from < count; from += 1000) {
    writeNumbered(sinks.main, from, 1000);
    mostBytes = Math.max(mostBytes, sinks.main.pendingBytes);
    await nextTurn();
  }
  const flags = Number.parseInt(/^flags:\\s*(\\d+)/m.exec(readFileSync('/proc/self/fdinfo/2', 'utf8'))[1], 8);
  console.log(JSON.stringify({ mostBytes, flags }));
  await once(process.stdin, 'data');
  writeNumbered(sinks.main, count, 100);
  console.log(JSON.stringify({ lost: await sinks.close(Number(process.env.GRACE_MS)) }));
  process.exit(0);
`;

interface Writer {
  readonly child: ChildProcess;
  /** The next line of its stdout. */
  said(): Promise<Record<string, number>>;
  goOn(): void;
}

function startWriter(scope: Scope, stderr: 'pipe' | number, env: NodeJS.ProcessEnv = {}): Writer {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', WRITER], {
    cwd: REPOSITORY,
    env: { ...process.env, LINES: String(COUNT), GRACE_MS: '10000', ...env },
    stdio: ['pipe', 'pipe', stderr],
  });
  scope.defer(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  child.stdout?.on('data', chunk => {
    output += String(chunk);
  });
  return {
    child,
    async said() {
      const line = await until(() => /^(.*)\n/.exec(output)?.[1], {
        what: 'the writer to speak',
        deadlineMs: 30_000,
      });
      output = output.slice(line.length + 1);
      return JSON.parse(line) as Record<string, number>;
    },
    goOn: () => child.stdin?.write('go on\n'),
  };
}

/** Both ends of a named pipe: ours to read from when we like, the other to be a child's stderr. */
function openPipe(dir: string, name: string): { readonly readEnd: number; readonly writeEnd: number } {
  const path = join(dir, name);
  execFileSync('mkfifo', ['-m', '600', path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
}

function readerOf(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false });
}

/** Nobody reads for a while: lines wait, are dropped and counted, and all that was not dropped is read later. */
async function assertBlockedAndResumed(writer: Writer, reader: () => Readable): Promise<void> {
  const { mostBytes, flags } = await writer.said();
  assert.ok(mostBytes !== undefined && mostBytes <= PENDING_LIMIT_BYTES, 'memory is bounded');
  assert.ok(mostBytes > PENDING_LIMIT_BYTES - 1024, 'the test wrote more than may wait');
  assert.equal((flags ?? 0) & constants.O_NONBLOCK, 0, 'the descriptor that others share is as it was');
  const everything = text(reader());
  writer.goOn();
  assert.deepEqual(await writer.said(), { lost: 0 });
  const found = records(await everything);
  assertComplete(found, COUNT + 100);
  const reports = found.filter(({ dropped }) => dropped !== undefined);
  assert.ok(reports.length > 0 && reports.length <= 2);
  assert.match(reports[0]?.msg ?? '', /lines dropped: the log's destination was slow \(EAGAIN\)$/);
}

suite('integration/log-sink-stderr', {}, async scope => {
  await scope.test('a pipe that nobody reads for a while', async () => {
    const { readEnd, writeEnd } = openPipe(scope.dir, 'pipe');
    const writer = startWriter(scope, writeEnd);
    closeSync(writeEnd);
    await assertBlockedAndResumed(writer, () => readerOf(readEnd));
  });

  await scope.test('a socket that nobody reads for a while', async () => {
    const writer = startWriter(scope, 'pipe'); // Node's "pipe" is a pair of Unix sockets, as a journal's is one
    const { stderr } = writer.child;
    assert.ok(stderr);
    await assertBlockedAndResumed(writer, () => stderr);
  });

  await scope.test('a pipe that somebody reads all the time gets every line', async () => {
    const count = 30_000; // all could wait, so that a busy machine cannot make this fail
    const { readEnd, writeEnd } = openPipe(scope.dir, 'read');
    const file = join(scope.dir, 'read.txt');
    const fileEnd = openSync(file, 'w');
    const cat = spawn('cat', [join(scope.dir, 'read')], { stdio: ['ignore', fileEnd, 'inherit'] });
    closeSync(fileEnd);
    const ended = once(cat, 'exit');
    const writer = startWriter(scope, writeEnd, { LINES: String(count) });
    closeSync(writeEnd);
    await writer.said();
    writer.goOn();
    assert.deepEqual(await writer.said(), { lost: 0 });
    await ended;
    closeSync(readEnd);
    const found = records(readFileSync(file, 'utf8'));
    assertComplete(found, count + 100);
    assert.ok(found.every(({ dropped }) => dropped === undefined));
  });

  await scope.test('the process ends though nobody reads, and knows what is lost', async () => {
    const { readEnd, writeEnd } = openPipe(scope.dir, 'ends');
    scope.defer(() => closeSync(readEnd));
    const writer = startWriter(scope, writeEnd, { GRACE_MS: '50' });
    closeSync(writeEnd);
    await writer.said();
    const exited = once(writer.child, 'exit');
    writer.goOn();
    const { lost } = await writer.said();
    assert.ok(lost !== undefined && lost > COUNT / 2);
    assert.deepEqual(await exited, [0, null]);
  });

  await scope.test('a file that stderr shares with others is appended to where they are', async () => {
    const file = join(scope.dir, 'shared.txt');
    const fd = openSync(file, 'w');
    const writer = startWriter(scope, fd);
    await writer.said();
    execFileSync('sh', ['-c', 'echo "somebody else" >&2'], { stdio: ['ignore', 'ignore', fd] });
    closeSync(fd);
    writer.goOn();
    assert.deepEqual(await writer.said(), { lost: 0 });
    const lines = readFileSync(file, 'utf8').split('\n');
    assert.equal(lines[COUNT], 'somebody else');
    assertComplete(records(lines.toSpliced(COUNT, 1).join('\n')), COUNT + 100);
    assert.equal(statSync(file).size, Buffer.byteLength(lines.join('\n')));
  });
});

suite('integration/log-sink-stderr on a terminal', {}, async scope => {
  const program = `
    import { LogSinks } from '${REPOSITORY}/src/keeper/output/log-sinks.ts';
    const sinks = LogSinks.open({ file: 'stderr', format: 'auto' });
    sinks.main.write({ level: 30, time: 1, pool: 'www', pid: 12, stream: 'stderr', msg: 'hello' });
    await sinks.close();
  `;
  const onTerminal = (env: NodeJS.ProcessEnv): string => {
    const file = join(scope.dir, 'program.mjs');
    writeFileSync(file, program);
    const command = `${process.execPath} --import tsx ${file}`;
    return execFileSync('script', ['-qec', command, '/dev/null'], {
      cwd: REPOSITORY,
      env: { ...process.env, ...env },
      input: '',
      encoding: 'utf8',
    });
  };

  await scope.test('is for eyes, with colours unless they are not wanted', t => {
    if (findProgram('script') === undefined) return t.skip('needs script: apt-get install bsdutils');
    assert.match(onTerminal({ NO_COLOR: '' }), /\p{Cc}\[.*INFO.*www.* 12 {2}\w+: hello/u);
    assert.match(onTerminal({ NO_COLOR: '1' }), /\d INFO {2}www +12 {2}\w+: hello/);
  });
});

suite('integration/log-sink-stderr as root', { root: true }, async scope => {
  await scope.test('a pipe of another user, which may not be opened anew', async () => {
    const { readEnd, writeEnd } = openPipe(scope.dir, 'foreign');
    const writer = startWriter(scope, writeEnd, { UID: '65534' });
    closeSync(writeEnd);
    await assertBlockedAndResumed(writer, () => readerOf(readEnd));
  });
});
