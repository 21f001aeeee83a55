/**
 * What a killed keeper has left in state.journal is trusted no further than the kernel confirms it: a
 * file that is damaged, another boot's, another program's or another user's is said so and left alone, and no process
 * is ever signalled that is not ours.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateIn } from '../../src/keeper/handover/journal-reader.ts';
import type { KeeperState } from '../../src/keeper/handover/state.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { scriptPool } from '../lib/pools.ts';
import { isAlive, kill, readStat, type Seen } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { IS_ROOT, type Scope, suite } from '../lib/suite.ts';

const NOBODY = 65534;
const LOOP = 'while :; do sleep 0.2; done';

/** A process that is none of ours, and would not survive any signal. */
function startStranger(scope: Scope): Seen {
  const child = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
  const seen = child.pid === undefined ? undefined : readStat(child.pid);
  if (seen === undefined) throw new Error('sleep did not start');
  scope.defer(() => kill(seen, 'SIGKILL'));
  return seen;
}

/** Leaves a journal of one line. */
function edit(file: string, change: (state: KeeperState) => KeeperState): void {
  const { listeners, workers, notes, ...keeper } = change(stateIn(readFileSync(file, 'utf8')));
  const entries = [
    ['keeper', keeper],
    ...listeners.map(it => [`listener:${it.spec.id}`, it]),
    ...workers.map(it => [`worker:${it.pid}`, it]),
    ...Object.entries(notes).map(([name, text]) => [`note:${name}`, text]),
  ];
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(entries))}\n`);
}

/** Spoils a line that has others behind it. */
function tearMiddle(file: string): void {
  const [first = '', ...rest] = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, [first, '{"note:config":"{}', ...rest].join('\n'));
}

suite('integration/adoption-state', { timeoutMs: 240_000 }, async scope => {
  const stranger = startStranger(scope);
  const daemon = await startDaemon(scope, {
    pools: { one: scriptPool(LOOP) },
    expectedLog: [
      /it is not used/,
      /ended without stopping/,
      /supervisor restarted/,
      /only an earlier keeper/,
    ],
  });
  const file = join(daemon.runDir, 'state.journal');

  /** Kills the keeper, spoils what it has left, and starts the next one. @returns the worker of the first */
  async function afterwards(spoil: () => void): Promise<{ worker: Seen; pids: number[] }> {
    const [pid = 0] = workerPids(await daemon.status(), 'one');
    const worker = readStat(pid);
    assert.ok(worker !== undefined);
    await daemon.crash();
    spoil();
    await daemon.startAgain();
    return { worker, pids: workerPids(await daemon.status(), 'one') };
  }

  const saidLast = (it: Daemon): string =>
    it.log().findLast(({ msg }) => /it is not used/.test(msg ?? ''))?.msg ?? '';

  const unusable: [string, () => void, RegExp][] = [
    ['cut short', () => truncateSync(file, 200), /state\.journal is cut short or damaged/],
    ['damaged in the middle', () => tearMiddle(file), /state\.journal is cut short or damaged/],
    ['empty', () => truncateSync(file, 0), /is empty/],
    [
      'of another boot',
      () => edit(file, it => ({ ...it, bootId: 'x' })),
      /from before the machine was started/,
    ],
    [
      'of another version',
      () => edit(file, it => ({ ...it, schema: 99 as 1 })),
      /another version of fpm-ts \(schema 99/,
    ],
    [
      'of no use',
      () => writeFileSync(file, '{"keeper":{"schema":1},"worker:-1":{"pid":-1}}\n'),
      /is damaged/,
    ],
    ['null', () => writeFileSync(file, 'null\n'), /another version/],
    ['open to others', () => chmodSync(file, 0o646), /can be read or written by others/],
    ...(IS_ROOT
      ? [
          [
            "another user's",
            () => chownSync(file, NOBODY, NOBODY),
            /belongs to uid 65534, not to us/,
          ] as const,
        ]
      : []),
  ].map(row => row as [string, () => void, RegExp]);

  for (const [what, spoil, message] of unusable) {
    await scope.test(`${what}: said, not used, and nobody is signalled`, async () => {
      const { worker, pids } = await afterwards(spoil);
      assert.match(saidLast(daemon), message);
      assert.ok(!pids.includes(worker.pid));
      assert.ok(isAlive(worker), 'it is not known, so it is left alone');
      kill(worker, 'SIGKILL');
    });
  }

  const names = (pid: number, startTicks?: number) => (state: KeeperState) => ({
    ...state,
    workers: state.workers.map(it => ({ ...it, pid, ...(startTicks !== undefined && { startTicks }) })),
  });

  await scope.test('it names a pid that is a stranger’s by now: not taken for a worker', async () => {
    const { worker, pids } = await afterwards(() => edit(file, names(stranger.pid)));
    assert.ok(!pids.includes(stranger.pid));
    kill(worker, 'SIGKILL');
  });

  await scope.test('it names the supervisor’s pid, which is a stranger’s by now: not killed', async () => {
    const { worker, pids } = await afterwards(() =>
      edit(file, it => ({ ...it, supervisor: { pid: stranger.pid, startTicks: 1 } })),
    );
    assert.deepEqual(pids, [worker.pid]);
  });

  await scope.test('a group whose leader is gone and whose number is a stranger’s: left alone', async () => {
    const { worker } = await afterwards(() =>
      edit(file, state => ({
        ...state,
        workers: [
          ...state.workers,
          ...state.workers.map(it => ({ ...it, pid: stranger.pid, startTicks: 1, exit: null, gone: false })),
        ],
      })),
    );
    assert.ok(isAlive(worker) && isAlive(stranger));
    assert.equal((await daemon.cli('reload')).code, 0);
    assert.ok(isAlive(stranger));
  });

  await daemon.stop();
  await scope.test('after all that the stranger has not been signalled', () => {
    assert.ok(isAlive(stranger));
  });
});
