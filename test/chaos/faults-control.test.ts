/** Clients of the control socket that misbehave, while requests come in: others are answered, and nothing grows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Daemon } from '../lib/daemon.ts';
import { FAULT_PROGRAM, isWhole, openFaultField, SPARE, told, underLoad } from '../lib/faults.ts';
import { ask } from '../lib/http.ts';
import { MAIN } from '../lib/paths.ts';
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { descendants, describe, openDescriptors, readStat } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const MEGABYTE = 1024 * 1024;
const HUNDRED_MEGABYTES = 100 * MEGABYTE;
/** What a supervisor may grow by, whatever clients do: far less than one of them sends. */
const ROOM_BYTES = 80 * MEGABYTE;
const STATUS = 'GET /v1/status HTTP/1.1\r\nhost: control\r\n\r\n';

const URL = 'http://localhost/v1/status';

function peakBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
}

async function connected(place: Place, daemon: Daemon): Promise<Socket> {
  const socket = connect(daemon.controlSocket);
  socket.on('error', () => {}); // it is cut off, as it should be
  place.defer(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Sends so many bytes of the same, as fast as they are taken. @returns how many were when the other end had enough */
async function pour(socket: Socket, bytes: number, what: string): Promise<number> {
  const chunk = Buffer.alloc(MEGABYTE / 4, what);
  const closed = new Promise(resolve => socket.once('close', resolve));
  let sent = 0;
  while (sent < bytes && !socket.destroyed) {
    sent += chunk.length;
    if (!socket.write(chunk))
      await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closed]);
  }
  return sent;
}

suite('chaos/faults-control', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope);
  const { daemon } = field;
  const before = await daemon.status();
  const supervisor = before.supervisor_pid;
  const ordinary = openDescriptors(supervisor);
  const first = peakBytes(supervisor);

  async function assertWell(): Promise<void> {
    const status = await daemon.status();
    assert.equal(status.supervisor_pid, supervisor);
    assert.ok(isWhole(status));
    const grown = peakBytes(supervisor) - first;
    assert.ok(grown < ROOM_BYTES, `the supervisor has grown by ${grown} bytes`);
  }

  /** One after the other. */
  const MISDEEDS: Readonly<Record<string, () => Promise<void>>> = {
    'says nothing': async () => void (await connected(scope, daemon)),
    'says half a request': async () => void (await connected(scope, daemon)).write('POST /v1/reload HT'),
    'sends garbage': async () => {
      const socket = await connected(scope, daemon);
      socket.write(Buffer.from('00ff160301020001fc0303', 'hex'));
      await new Promise(resolve => socket.resume().once('close', resolve));
    },
    'sends a head of 100 MB': async () => {
      const socket = await connected(scope, daemon);
      socket.resume().write('GET /v1/status HTTP/1.1\r\nx-long: ');
      assert.ok((await pour(socket, HUNDRED_MEGABYTES, 'a')) < HUNDRED_MEGABYTES);
    },
    'sends a body of 100 MB': async () => {
      const socket = await connected(scope, daemon);
      socket
        .resume()
        .write(`POST /v1/scale HTTP/1.1\r\nhost: control\r\ncontent-length: ${HUNDRED_MEGABYTES}\r\n\r\n`);
      assert.ok((await pour(socket, HUNDRED_MEGABYTES, ' ')) < HUNDRED_MEGABYTES);
    },
    'sends 100 MB of nothing in particular': async () => {
      const socket = await connected(scope, daemon);
      assert.ok((await pour(socket.resume(), HUNDRED_MEGABYTES, 'x')) < HUNDRED_MEGABYTES);
    },
    'goes away in the middle of an answer': async () => {
      for (let times = 0; times < 20; times++) {
        const socket = await connected(scope, daemon);
        socket.write(STATUS);
        await once(socket, 'readable');
        socket.destroy();
      }
    },
    'goes away in the middle of a reload': async () => {
      const socket = await connected(scope, daemon);
      socket.write('POST /v1/reload HTTP/1.1\r\nhost: control\r\ncontent-length: 2\r\n\r\n{}');
      await daemon.statusWhen(
        'the reload to begin',
        it => it.state === 'reloading' || it.last_reload !== null,
      );
      socket.destroy();
      await daemon.statusWhen('the reload to end well', it => it.last_reload?.ok === true && isWhole(it));
    },
    'asks again and again, and never reads': async () => {
      const socket = await connected(scope, daemon);
      // More than the buffers of a socket hold, answers as well as questions.
      for (let times = 0; times < 5000 && socket.writableLength === 0; times++) socket.write(STATUS);
    },
  };

  const complaints = await underLoad(scope, field, async () => {
    for (const [what, misdeed] of Object.entries(MISDEEDS)) {
      await scope.test(`a client that ${what}`, async () => {
        await misdeed();
        await assertWell();
      });
    }

    await scope.test('200 clients at once are all answered', async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => ask(URL, { socketPath: daemon.controlSocket })),
      );
      const kinds = new Set(answers.map(({ status, complete }) => `${status} ${complete}`));
      assert.deepEqual([...kinds], ['200 true']);
      await assertWell();
    });

    await scope.test(
      '200 that say nothing and 200 that do not read keep nobody from being answered',
      async () => {
        await Promise.all(Array.from({ length: 200 }, () => connected(scope, daemon)));
        const slow = await Promise.all(Array.from({ length: 200 }, () => connected(scope, daemon)));
        for (const socket of slow) socket.write(STATUS);
        await assertWell();
      },
    );
  });

  await scope.test('of the requests that came meanwhile, 0 failed', () => assert.deepEqual(complaints, []));

  await scope.test('all of them are sent away in the end', async () => {
    await until(() => openDescriptors(supervisor) <= ordinary, {
      what: 'the connections to be closed',
      deadlineMs: 40_000,
      explain: () => `${openDescriptors(supervisor)} are open, ${ordinary} were`,
    });
  });
});

suite('chaos/faults-control with few descriptors', { needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    daemon: {
      program: ['sh', '-c', 'ulimit -n 128 && exec "$@"', 'sh', process.execPath, MAIN],
      expectedLog: [/SIGKILL/],
    },
  });
  const { daemon } = field;

  await scope.test('more silent clients than it may open files do not blind the supervisor', async () => {
    const complaints = await underLoad(scope, field, async () => {
      const before = await daemon.status();
      const [victim = 0] = workerPids(before, SPARE);
      await Promise.all(Array.from({ length: 200 }, () => connected(scope, daemon)));
      process.kill(victim, 'SIGKILL');
      // Nobody else is let in before the silent ones are sent away; that a worker takes its place does not wait for that.
      const running = (): number =>
        descendants(daemon.pid).filter(({ pid }) => describe(pid) === 'sleep 600').length;
      await until(() => readStat(victim) === undefined && running() === 2, { what: 'a worker in its place' });
      const after = await daemon.statusWhen('to be answered again', isWhole);
      assert.equal(after.supervisor_pid, before.supervisor_pid);
    });
    assert.deepEqual(complaints, []);
    assert.equal(told(daemon, 'blind'), 0);
  });
});
