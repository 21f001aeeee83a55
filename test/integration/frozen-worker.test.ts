/** A real keeper whose supervisor is killed, and then ends itself, while a worker is frozen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FIXTURES, MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { isAlive, kill, readStat } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';

const KEEPER = `
const [, file, ...supervisorArgv] = process.argv;
const { Keeper } = await import(file);
Keeper.start({ supervisorArgv, announceDescriptor: null });
`;

suite('integration/frozen-worker', { timeoutMs: 30_000 }, async scope => {
  const supervisor = join(FIXTURES, 'node', 'freezing-supervisor.mjs');
  const keeperModule = join(dirname(MAIN), 'keeper', 'keeper.js');
  const argv = ['--input-type=module', '-e', KEEPER, keeperModule, process.execPath, supervisor, scope.dir];
  const keeper = spawn(process.execPath, argv, { stdio: ['ignore', 'inherit', 'pipe'] });
  scope.defer(() => void keeper.kill('SIGKILL'));
  let log = '';
  keeper.stderr.on('data', chunk => {
    log += String(chunk);
  });
  const [code] = (await once(keeper, 'close')) as [number | null];
  assert.equal(code, 0, log);
  const found = JSON.parse(readFileSync(join(scope.dir, 'found.json'), 'utf8')) as {
    readonly pid: number;
    readonly state: string;
    readonly killed: boolean;
  };
  const worker = readStat(found.pid) ?? assert.fail('the worker is gone');
  scope.defer(() => kill(worker, 'SIGKILL'));

  await scope.test('the supervisor killed with -9 at that very point: its successor finds it running', () => {
    assert.match(log, /supervisor \d+ ended \(SIGKILL\)/);
    assert.notEqual(found.state, 'T');
  });
  await scope.test('and cannot kill it any more without another look', () => {
    assert.equal(found.killed, false);
    assert.ok(isAlive(worker));
  });
  await scope.test('the keeper ends, and leaves nothing frozen', async () => {
    await until(() => readStat(worker.pid)?.state !== 'T', {
      what: 'the worker to go on',
      deadlineMs: 2_000,
    });
  });
});
