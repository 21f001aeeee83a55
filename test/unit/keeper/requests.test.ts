/** Requests in their order, and what waits for the disk: the answer to a listener, a publication, nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ListenerSpec, RequestName, WorkerSpec } from '../../../src/keeper/protocol.ts';
import { type RequestPorts, Requests } from '../../../src/keeper/requests.ts';

interface Field {
  readonly requests: Requests;
  /** What was done, and what was answered, in order. */
  readonly log: string[];
  /** Lets the disk write what it was given so far. */
  readonly write: () => void;
  readonly endTrial: () => void;
  readonly ask: (name: RequestName, ask: object) => void;
}

function open(): Field {
  const log: string[] = [];
  const dirty = new Set<string>();
  let waiting: (() => void)[] = [];
  let endTrial = (): void => {};
  const done =
    (name: string) =>
    (subject: string | number | WorkerSpec): unknown => {
      log.push(`${name} ${typeof subject === 'object' ? subject.listener : subject}`);
      return [];
    };
  const ports = {
    own: {},
    holdings: {
      listeners: {
        openAll: (specs: ListenerSpec[]) => {
          log.push(`open ${specs.map(({ id }) => id).join(' ')}`);
          return specs.map(() => ({ inode: 1 }));
        },
        publish: done('publish'),
        neighbours: (id: string) => [id],
      },
      workers: { spawn: done('spawn'), tag: done('tag') },
      note: (name: string) => {
        log.push(`note ${name}`);
        dirty.add(`note:${name}`);
      },
    },
    residence: {
      changed: (key: string) => dirty.add(key),
      written: (key: string | null = null) =>
        (key === null ? dirty.size > 0 : dirty.has(key))
          ? new Promise<void>(resolve => waiting.push(resolve))
          : Promise.resolve(),
    },
    ownStop: { taken: () => {} },
    upgrade: {
      tryOut: () =>
        new Promise<string>(resolve => {
          endTrial = () => resolve('1');
        }),
    },
  };
  const requests = new Requests(ports as unknown as RequestPorts);
  let id = 0;
  return {
    requests,
    log,
    write: () => {
      dirty.clear();
      for (const resolve of waiting.splice(0)) resolve();
      waiting = [];
    },
    endTrial: () => endTrial(),
    ask: (name, ask) => {
      const number = ++id;
      requests.answer(
        { id: number, name, ask } as Parameters<Requests['answer']>[0],
        () => log.push(`answer ${number}`),
        () => true,
      );
    },
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

const listener = (id: string): object => ({ specs: [{ id }] });
const worker = (id: string): object => ({ spec: { listener: id } as WorkerSpec, tag: {}, count: 1 });

void test('listeners are opened one after the other without waiting for the disk, and answered when it has them', async () => {
  const { log, ask, write } = open();
  ask('listen', listener('a#1'));
  ask('listen', listener('b#1'));
  await settled();
  assert.deepEqual(log, ['open a#1', 'open b#1']);
  write();
  await settled();
  assert.deepEqual(log.slice(2), ['answer 1', 'answer 2']);
});

void test('a worker is not started on a listener that is not written; on another one it is', async () => {
  const { log, ask, write } = open();
  ask('listen', listener('a#1'));
  await settled();
  write();
  ask('listen', listener('b#1'));
  ask('spawn', worker('a#1'));
  ask('spawn', worker('b#1'));
  await settled();
  assert.deepEqual(log, ['open a#1', 'answer 1', 'open b#1', 'spawn a#1', 'answer 3']);
  write();
  await settled();
  assert.deepEqual(new Set(log.slice(5)), new Set(['answer 2', 'spawn b#1', 'answer 4']));
});

void test('a listener is published after all that was said before is written, and what comes later comes later', async () => {
  const { log, ask, write } = open();
  ask('note', { name: 'pool:www', text: '' });
  ask('publish', { id: 'a#2' });
  ask('note', { name: 'config', text: '' });
  await settled();
  assert.deepEqual(log, ['note pool:www', 'answer 1']);
  write();
  await settled();
  assert.deepEqual(log.slice(2), ['publish a#2', 'answer 2', 'note config', 'answer 3']);
});

void test('as long as the keeper owes an answer the silence of the supervisor is ours', async () => {
  const { requests, ask, endTrial, log } = open();
  ask('tryUpgrade', {});
  ask('tag', { pid: 7, tag: {} });
  await settled();
  assert.deepEqual(log, ['tag 7', 'answer 2'], 'the trial holds up nothing');
  assert.ok(requests.areAnswering);
  endTrial();
  await settled();
  assert.ok(!requests.areAnswering);
});
