/**
 * One listener after the other takes an address over while clients connect without a pause. The workers
 * are asynchronous, hold many connections each, and are ended with SIGKILL once their generation is drained: had the
 * order of the steps, the look at the queues or the kernel let one slip, a client would miss its answer.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Listeners } from '../../src/keeper/listeners/listeners.ts';
import type { BindAddress } from '../../src/keeper/protocol.ts';
import { connectionsOf } from '../../src/observe/families.ts';
import { type ListenerLoad, lookAtSockets } from '../../src/observe/sockets.ts';
import { nowMs } from '../../src/os/clock.ts';
import { signalGroup } from '../../src/os/pidfd.ts';
import { afterLook, isQuiet, startDrain } from '../../src/pool/quiet.ts';
import { lookAtWorker } from '../../src/worker/readiness.ts';
import { openListeners, runWith, specOf, tcpAddress } from '../lib/listeners.ts';
import { FIXTURES } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { freePort } from '../lib/ports.ts';
import { suite } from '../lib/suite.ts';

const SWAPS = 10;
const CLIENTS = 16;
const WORKERS = 2;
const WORKER = join(FIXTURES, 'node', 'many-connections.mjs');

interface Generation {
  readonly id: string;
  readonly inode: number;
  readonly pids: readonly number[];
}

/** One connection, one request. @throws {Error} when the answer is not the request */
async function ask(address: BindAddress, text: string): Promise<void> {
  const client =
    address.type === 'tcp' ? connect(address.port, address.host) : connect({ path: pathOf(address) });
  client.write(text);
  let answer = '';
  client.on('data', chunk => {
    answer += String(chunk);
  });
  await once(client, 'close');
  if (answer !== text) throw new Error(`${JSON.stringify(answer)} instead of ${text}`);
}

function pathOf(address: BindAddress): string {
  return address.type === 'unix' ? address.path : assert.fail();
}

/** Clients that ask one after the other until they are stopped. */
function startLoad(address: BindAddress) {
  let isWanted = true;
  let answered = 0;
  const failures: unknown[] = [];
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let i = 0; isWanted; i++) {
      try {
        await ask(address, `${client}/${i}`);
        answered++;
      } catch (error) {
        failures.push(error);
      }
    }
  });
  return {
    answered: () => answered,
    failures,
    stop: async () => {
      isWanted = false;
      await Promise.all(clients);
    },
  };
}

function look(inode: number): ListenerLoad {
  return lookAtSockets([{ inode, withConnections: true }]).get(inode) ?? assert.fail('no such listener');
}

/** Waits until nothing is left to be served: nothing waits, is half open, or is held by one of the workers. */
async function untilDrained({ inode, pids }: Generation): Promise<void> {
  let memory = startDrain(nowMs());
  const isDrained = (): boolean => {
    const load = look(inode);
    memory = afterLook(memory, load, nowMs());
    const { accepted } = load;
    assert.ok(accepted !== null);
    return isQuiet(memory, load, nowMs()) && pids.every(pid => connectionsOf(pid, accepted)?.length === 0);
  };
  await until(isDrained, { what: 'the old generation to be drained' });
}

suite('integration/generations', {}, async scope => {
  async function start(listeners: Listeners, address: BindAddress, number: number): Promise<Generation> {
    const id = `pool#${number}`;
    const inode = listeners.open(specOf(id, address));
    const pids = Array.from({ length: WORKERS }, () =>
      runWith(scope, listeners.descriptor(id), [process.execPath, WORKER]),
    );
    const isReady = (): boolean => pids.every(pid => lookAtWorker(pid, 0) === 'accepting');
    await until(isReady, { what: 'the workers of a new generation' });
    return { id, inode, pids };
  }

  const kinds = [
    ['Unix', { type: 'unix', path: join(scope.dir, 'x.sock') }],
    ['TCP', tcpAddress(await freePort())],
  ] as const satisfies readonly (readonly [string, BindAddress])[];
  for (const [kind, address] of kinds) {
    await scope.test(`${kind}: ${SWAPS} generations under load, no request is lost`, async t => {
      const { listeners } = openListeners(scope);
      let serving = await start(listeners, address, 0);
      const load = startLoad(address);
      scope.defer(load.stop);
      for (let number = 1; number <= SWAPS; number++) {
        const next = await start(listeners, address, number);
        listeners.publish(next.id);
        await untilDrained(serving);
        for (const pid of serving.pids) assert.ok(signalGroup(pid, 'SIGKILL'), 'ended before its time');
        listeners.close(serving.id);
        serving = next;
        const before = load.answered();
        await until(() => load.answered() >= before + CLIENTS, { what: 'answers of the new generation' });
      }
      await load.stop();
      assert.deepEqual(load.failures.map(String), []);
      t.diagnostic(`${load.answered()} requests`);
    });
  }
});
