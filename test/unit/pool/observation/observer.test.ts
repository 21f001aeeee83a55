/** What a pool on demand takes for a served client where none is seen: a worker that woke up, and not one that was frozen. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { closeInheritedOnExec } from '../../../../src/os/descriptor.ts';
import { listenUnix } from '../../../../src/os/listener.ts';
import { LookBudget } from '../../../../src/os/look-budget.ts';
import { awaitEnd, signalGroup } from '../../../../src/os/pidfd.ts';
import { spawn } from '../../../../src/os/spawn.ts';
import { Observer } from '../../../../src/pool/observation/observer.ts';
import { newPool, type PoolState } from '../../../../src/pool/pool-state.ts';
import { KERNEL } from '../../../../src/worker/kernel.ts';
import { acceptsOn } from '../../../../src/worker/readiness.ts';
import { happen, newWorker } from '../../../../src/worker/worker.ts';
import { until } from '../../../lib/poll.ts';
import { readStat } from '../../../lib/processes.ts';
import { suite } from '../../../lib/suite.ts';
import { configOf } from '../../supervisor/model/settings.ts';

/** Accepts, and closes at once. */
const PROGRAM = 'import socket\nlistener = socket.socket(fileno=0)\nwhile True: listener.accept()[0].close()';
const IDLE_TIMEOUT_MS = 1000;

suite('unit/pool/observation/observer', { needs: ['python3'] }, async scope => {
  closeInheritedOnExec();
  const nothing = openSync('/dev/null', 'r+');
  const path = join(scope.dir, 'listener.sock');
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { descriptor } = listenUnix({ path, backlog: 8, mode: 0o600, ...ids });
  const pid = spawn({
    path: '/usr/bin/python3',
    argv: ['python3', '-c', PROGRAM],
    env: {},
    descriptors: new Map([
      [0, descriptor],
      [1, nothing],
      [2, nothing],
    ]),
  });
  scope.defer(() => {
    signalGroup(pid, 'SIGKILL');
    awaitEnd(pid);
    closeSync(descriptor);
    closeSync(nothing);
  });
  const untilAccepting = async (): Promise<void> =>
    void (await until(() => acceptsOn(pid, 0), { what: 'it to accept' }));

  const { ino: inode } = fstatSync(descriptor);
  const born = { pid, generation: 1, startedAtMs: 0, listenerInode: inode, startedWith: null };
  const config = configOf('a', {
    kind: 'unix',
    mode: 'ondemand',
    isGraceful: false,
    maxChildren: 4,
    place: 0,
    release: 0,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  const state: PoolState = {
    ...newPool(config),
    desired: 'running',
    generation: 1,
    listener: { number: 1, inode, isLost: false, isForeign: false },
    workers: new Map([[pid, happen(newWorker(born), { type: 'accepting' }, 0).worker]]),
  };
  const observer = new Observer(KERNEL, new LookBudget());
  let nowMs = 0;
  function look(seen: PoolState): Observer['load'] {
    nowMs += IDLE_TIMEOUT_MS;
    return observer.observe(seen, [], KERNEL.lookAtSockets(observer.watched(seen, [], nowMs)), false, nowMs)
      .load;
  }

  await scope.test('a client that was served between two looks counts', async () => {
    await untilAccepting();
    assert.deepEqual(look(state), { accepted: 0, waiting: 0 });
    const client = connect(path);
    client.resume();
    await once(client, 'close');
    await untilAccepting();
    assert.deepEqual(look(state), { accepted: 1, waiting: 0 });
    assert.deepEqual(look(state), { accepted: 0, waiting: 0 });
  });

  await scope.test('one that is frozen was served nothing, and nor was it after that', async () => {
    const frozen: PoolState = { ...state, retiring: { ...state.retiring, frozen: new Set([pid]) } };
    process.kill(pid, 'SIGSTOP');
    await until(() => readStat(pid)?.state === 'T', { what: 'it to stop' });
    assert.deepEqual(look(frozen), { accepted: 0, waiting: 0 });
    process.kill(pid, 'SIGCONT');
    await untilAccepting();
    assert.deepEqual(look(state), { accepted: 0, waiting: 0 });
  });
});
