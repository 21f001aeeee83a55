/** Whether a worker is seen accepting: every way in which real programs wait for connections, and some that do not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { closeInheritedOnExec } from '../../../src/os/descriptor.ts';
import { listenUnix } from '../../../src/os/listener.ts';
import { awaitEnd, signalGroup } from '../../../src/os/pidfd.ts';
import { spawn } from '../../../src/os/spawn.ts';
import { lookAtWorker } from '../../../src/worker/readiness.ts';
import { until } from '../../lib/poll.ts';
import { readStat } from '../../lib/processes.ts';
import { suite } from '../../lib/suite.ts';

const START = 'import os, select, socket, sys, threading, time\nlistener = socket.socket(fileno=0)\n';

const ACCEPTING: Readonly<Record<string, string>> = {
  'blocks in accept': 'listener.accept()',
  'waits in poll': 'p = select.poll(); p.register(0, select.POLLIN); p.poll()',
  'waits in select': 'select.select([0], [], [])',
  'waits in epoll': 'e = select.epoll(); e.register(0, select.EPOLLIN); e.poll()',
  'waits in epoll among other things':
    'r, w = os.pipe(); e = select.epoll(); e.register(r); e.register(0, select.EPOLLIN); e.poll()',
  'waits in epoll within another epoll':
    'e = select.epoll(); e.register(0, select.EPOLLIN); o = select.epoll(); o.register(e.fileno()); o.poll()',
  'moved its listener to another number': 'n = os.dup(0); socket.socket(fileno=n).accept()',
  'accepts in another thread':
    't = threading.Thread(target=listener.accept, daemon=True); t.start(); time.sleep(600)',
  'accepts in a child': 'os.fork() == 0 and listener.accept()\nos.wait()',
};

const NOT_YET: Readonly<Record<string, string>> = {
  'is still loading': 'time.sleep(600)',
  'waits for something else in poll': 'r, w = os.pipe(); p = select.poll(); p.register(r); p.poll()',
  'waits for something else in select': 'r, w = os.pipe(); select.select([r], [], [])',
  'waits for something else in epoll': 'r, w = os.pipe(); e = select.epoll(); e.register(r); e.poll()',
  'waits for a child that does not accept': 'os.fork() == 0 and time.sleep(600)\nos.wait()',
};

suite('unit/worker/readiness', { needs: ['python3'] }, async scope => {
  closeInheritedOnExec();
  const nothing = openSync('/dev/null', 'r+');
  const path = join(scope.dir, 'listener.sock');
  const { descriptor } = listenUnix({
    path,
    backlog: 8,
    mode: 0o600,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  });
  scope.defer(() => {
    closeSync(descriptor);
    closeSync(nothing);
  });

  /** Runs the program, with the listener on descriptor 0, until `look` is content with it. */
  async function watch(code: string, what: string, look: (pid: number) => boolean): Promise<void> {
    const program = '/usr/bin/python3';
    const pid = spawn({
      path: program,
      argv: [program, '-c', START + code],
      env: {},
      descriptors: new Map([
        [0, descriptor],
        [1, nothing],
        [2, nothing], // not ours: Node's own may be a socket, which the worker would hold then
      ]),
    });
    try {
      await until(() => look(pid), { what, explain: () => `it is seen as ${lookAtWorker(pid, 0)}` });
    } finally {
      signalGroup(pid, 'SIGKILL');
      awaitEnd(pid);
    }
  }

  for (const [name, code] of Object.entries(ACCEPTING)) {
    await scope.test(`accepting: ${name}`, () =>
      watch(code, 'it to accept', pid => lookAtWorker(pid, 0) === 'accepting'),
    );
  }

  for (const [name, code] of Object.entries(NOT_YET)) {
    await scope.test(`not yet: ${name}`, async () => {
      const marker = join(scope.dir, name);
      // Written, and asleep again: it has come to its last line.
      await watch(`open(${JSON.stringify(marker)}, 'w').close()\n${code}`, 'it to sleep', pid => {
        if (!existsSync(marker) || readStat(pid)?.state !== 'S') return false;
        assert.equal(lookAtWorker(pid, 0), 'not-yet');
        return true;
      });
    });
  }

  await scope.test('unseen: it has taken a connection before we looked', async () => {
    const client = connect(path);
    scope.defer(() => void client.destroy());
    await once(client, 'connect');
    await watch(
      'connection, _ = listener.accept()\ntime.sleep(600)',
      'it to be busy',
      pid => lookAtWorker(pid, 0) === 'unseen',
    );
  });

  await scope.test('unseen: it has closed descriptor 0', () =>
    watch('os.close(0)\ntime.sleep(600)', 'it to be', pid => lookAtWorker(pid, 0) === 'unseen'),
  );
});
