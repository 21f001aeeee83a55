/** Local users who crowd the control socket: root is always served, and so is a pool's user; nothing is left of it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { curl } from '../lib/curl.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { FIXTURES } from '../lib/paths.ts';
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import type { ErrorBody } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi', 'curl', 'setpriv'] as const;
const STRANGERS = ['nobody', 'games', 'man', 'news'];

function as(user: string): string[] {
  return ['setpriv', `--reuid=${user}`, '--regid=nogroup', '--clear-groups'];
}

class Crowd {
  readonly #socket: string;
  readonly #program: string;
  #clients: ChildProcess[] = [];

  constructor(place: Place, socket: string, program: string) {
    this.#socket = socket;
    this.#program = program;
    place.defer(() => this.leave());
  }

  /** @param connections that it holds open; 0: it connects and closes in a loop */
  async come(user: string, connections: number): Promise<void> {
    const [command = '', ...first] = as(user);
    const client = spawn(command, [...first, this.#program, this.#socket, String(connections)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#clients.push(client);
    await once(client.stdout as NodeJS.ReadableStream, 'data');
  }

  async leave(): Promise<void> {
    const clients = this.#clients.splice(0);
    for (const client of clients) {
      const ended = client.exitCode === null && client.signalCode === null ? once(client, 'exit') : null;
      client.kill('SIGKILL');
      await ended;
    }
  }
}

/** Root's commands are done, several one after the other, and a pool's user is answered. */
async function assertServed(daemon: Daemon, owner: string): Promise<void> {
  for (let times = 0; times < 3; times++) {
    const { code, stderr } = await daemon.cli('status');
    assert.equal(code, 0, stderr);
  }
  const scale = await daemon.cli('scale', '--force', 'www', '2');
  assert.equal(scale.code, 0, scale.stderr);
  const answer = await until(
    async () => {
      const it = await curl(daemon.controlSocket, '/v1/status?pool=www', [], { as: as(owner) }).catch(
        () => null,
      );
      return it?.status === 200 ? it : undefined;
    },
    { what: "the pool's user to be answered" },
  );
  assert.equal(answer.status, 200);
}

async function crowd(scope: Scope, daemon: Daemon, pid: () => number): Promise<void> {
  const program = await compileFixture('crowding-clients', []);
  const clients = new Crowd(scope, daemon.controlSocket, program);
  const ordinary = openDescriptors(pid());
  const before = pid();
  const alone = async (come: () => Promise<void>): Promise<void> => {
    await come();
    await assertServed(daemon, 'www-data');
    assert.equal(pid(), before, 'the same process serves the socket');
    await clients.leave();
  };

  await scope.test('500 connections of one user that say nothing', () =>
    alone(() => clients.come('nobody', 500)),
  );

  await scope.test('2000 of four users, each opened again when it is closed', () =>
    alone(async () => void (await Promise.all(STRANGERS.map(user => clients.come(user, 500))))),
  );

  await scope.test("500 of another pool's user", () => alone(() => clients.come('daemon', 500)));

  await scope.test('four users who connect in a loop: the queue of the socket is always full', () =>
    alone(async () => void (await Promise.all(STRANGERS.map(user => clients.come(user, 0))))),
  );

  await scope.test('a client for which there is no place is refused at once', async () => {
    await clients.come('nobody', 500);
    const answer = await curl(daemon.controlSocket, '/v1/status', [], { as: as('nobody') });
    assert.equal(answer.status, 429, answer.body);
    const { error } = answer.json() as ErrorBody;
    assert.deepEqual([error.code, Object.keys(error).length], ['BUSY', 6]);
    assert.match(error.message, /your user has as many connections .* nothing was done; try again/);
    await clients.leave();
  });

  await scope.test('no connection is left, also of those who stay and say nothing', async () => {
    await until(() => openDescriptors(pid()) <= ordinary, {
      what: 'all connections to be closed',
      explain: () => `${openDescriptors(pid())} are open, ${ordinary} were`,
    });
  });
}

suite('root/control-places', { root: true, needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other', { user: 'daemon' }) },
  });
  const { supervisor_pid: supervisor } = await daemon.status();
  await crowd(scope, daemon, () => supervisor);
  assert.equal((await daemon.status()).supervisor_pid, supervisor);
});

suite('root/control-places-keeper', { root: true, needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const doom = join(scope.dir, 'doom.json');
  writeFileSync(doom, '{}');
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), other: hello('other', { user: 'daemon' }) },
    program: [process.execPath, join(FIXTURES, 'node', 'failing-main.mjs')],
    env: { FPM_TS_DOOM: doom },
    expectedLog: [/supervisor/],
  });
  const { supervisor_pid: supervisor } = await daemon.status();
  writeFileSync(doom, JSON.stringify({ code: 7 }));
  process.kill(supervisor, 'SIGKILL');
  await daemon.statusWhen('the keeper to answer', it => it.state === 'degraded');
  const program = await compileFixture('crowding-clients', []);
  const clients = new Crowd(scope, daemon.controlSocket, program);

  for (const [what, connections] of [
    ['hold 500 silent connections each', 500],
    ['connect in a loop', 0],
  ] as const)
    await scope.test(`without a supervisor, the keeper answers root while others ${what}`, async () => {
      await Promise.all(STRANGERS.map(user => clients.come(user, connections)));
      for (let times = 0; times < 3; times++) {
        const { code, stdout, stderr } = await daemon.cli('status');
        assert.equal(code, 0, stderr);
        assert.match(stdout, /degraded/);
      }
      await clients.leave();
    });
});
