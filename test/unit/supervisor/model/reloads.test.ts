/** Reloads that overlap, with a clock that the test makes: who waits for whom, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Args } from '../../../../src/control/types.ts';
import type { Asker } from '../../../../src/supervisor/reload-queue.ts';
import { Model } from './model.ts';
import type { PoolShape } from './settings.ts';
import { HEALTHY } from './things.ts';

const SHAPE: PoolShape = {
  kind: 'tcp',
  mode: 'static',
  isGraceful: false,
  maxChildren: 1,
  place: 0,
  release: 0,
  idleTimeoutMs: 2000,
};
/** Of each pool in the model. */
const START_TIMEOUT_MS = 2000;

/** Its outcome, when there is one. */
interface Asked {
  outcome: string | null;
}

class Overlap extends Model {
  /** Three pools; the programs of `stuck` never accept from now on. */
  static async of(...stuck: readonly string[]): Promise<Overlap> {
    const model = new Overlap();
    await model.begin(new Map(['a', 'b', 'c'].map(name => [name, SHAPE])), []);
    for (const name of stuck) model.world.programs.set(name, { ...HEALTHY, fate: 'never accepts' });
    return model;
  }

  ask(args: Args<'reload'>, asker?: Asker): Asked {
    const asked: Asked = { outcome: null };
    this.instance.reloads.reload(args, asker).then(
      ({ pools }) => {
        asked.outcome = pools.map(({ pool, action }) => `${pool} ${action}`).join(', ');
      },
      (error: unknown) => {
        asked.outcome = (error as Error).message;
      },
    );
    return asked;
  }

  generation(name: string): number | undefined {
    return this.pool(name)?.state.generation;
  }

  release(name: string): string | undefined {
    return this.pool(name)?.state.config.env.RELEASE;
  }

  edit(name: string, release: number): void {
    this.files.set(name, { ...SHAPE, release });
  }
}

function user(uid: number): Asker & { readonly leave: () => void } {
  const client = new AbortController();
  return { caller: { uid, mayDoAll: false }, left: client.signal, leave: () => client.abort() };
}

void test('40 reloads of a pool that never accepts, and then one of all: two time-outs, and others are done', async () => {
  const model = await Overlap.of('a');
  const spellings = Array.from({ length: 40 }, (_, i) => Array.from({ length: 1 + i }, () => 'a'));
  const askers = spellings.map(pools => model.ask({ pools }, user(33)));
  await model.clock.pass(10);
  const all = model.ask({});
  await model.clock.pass(500);
  assert.deepEqual([model.generation('b'), model.generation('c')], [2, 2]);
  assert.equal(all.outcome, null, "the tenant's part of it is waited for");
  await model.clock.pass(2 * START_TIMEOUT_MS);
  for (const { outcome } of [...askers, all]) assert.match(outcome ?? 'waits', /^pool a: /);
  assert.ok((model.world.spawned.get('a') ?? 0) <= 3, 'the first worker and two tries');
});

void test('another spelling is the same reload, for one caller', async () => {
  const model = await Overlap.of();
  const first = model.ask({ pools: ['b', 'a'] }, user(33));
  const same = [
    ['a', 'b'],
    ['b', 'a', 'b'],
    ['a', 'b', 'a'],
  ].map(pools => model.ask({ pools }, user(33)));
  await model.clock.pass(1000);
  for (const { outcome } of [first, ...same]) assert.equal(outcome, 'a roll, b roll');
  assert.ok((model.generation('a') ?? 0) <= 3, `${model.generation('a')}`);
});

void test('a reload whose client has left before it began is dropped; one that has begun continues', async () => {
  const model = await Overlap.of('a');
  const [began, waits] = [user(33), user(34)];
  const first = model.ask({ pools: ['a'] }, began);
  await model.clock.pass(10);
  const second = model.ask({ pools: ['a'] }, waits);
  const joined = model.ask({ pools: ['a', 'a'] }, waits);
  began.leave();
  waits.leave();
  await model.clock.pass(START_TIMEOUT_MS + 500);
  assert.match(first.outcome ?? 'waits', /^pool a: /);
  assert.deepEqual([second.outcome, joined.outcome], Array(2).fill('the client has left'));
  await model.clock.pass(2 * START_TIMEOUT_MS);
  assert.equal(model.world.spawned.get('a'), 2, 'the first worker and one try');
});

void test('one that others wait for as well is not dropped', async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] });
  await model.clock.pass(10);
  const [leaver, stayer] = [user(33), user(33)];
  model.ask({ pools: ['a'] }, leaver);
  const stays = model.ask({ pools: ['a'] }, stayer);
  leaver.leave();
  model.world.programs.set('a', HEALTHY);
  await model.clock.pass(2 * START_TIMEOUT_MS);
  assert.equal(stays.outcome, 'a roll');
});

void test('what was read later holds, also when an earlier reload comes to that pool after it', async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] });
  await model.clock.pass(10);
  model.edit('a', 1);
  const all = model.ask({});
  await model.clock.pass(10);
  model.edit('a', 2);
  const later = model.ask({ pools: ['a', 'b'] });
  model.world.programs.set('a', HEALTHY);
  await model.clock.pass(3 * START_TIMEOUT_MS);
  assert.deepEqual([all.outcome, later.outcome], ['a roll, b roll, c roll', 'a roll, b roll']);
  assert.equal(model.release('a'), '2');
});

void test("root's newer settings are what a pool gets whose user asked before: both are answered", async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] }, user(33));
  await model.clock.pass(10);
  model.edit('a', 1);
  const tenant = model.ask({ pools: ['a', 'b'] }, user(33));
  await model.clock.pass(10);
  model.edit('a', 2);
  const root = model.ask({ pools: ['a', 'c'] });
  model.world.programs.set('a', HEALTHY);
  await model.clock.pass(3 * START_TIMEOUT_MS);
  assert.deepEqual([tenant.outcome, root.outcome], ['a roll, b roll', 'a roll, c roll']);
  assert.deepEqual([model.release('a'), model.generation('a')], ['2', 3]);
});

void test('a pool that one reload removes and the next one adds is there in the end', async () => {
  const model = await Overlap.of();
  model.clients('c', 1, 1000); // its removal takes as long
  await model.clock.pass(50);
  model.removeFile('c');
  const removal = model.ask({});
  await model.clock.pass(10);
  model.restoreFile('c');
  const addition = model.ask({ pools: ['c', 'a'] });
  const again = model.ask({ changed: true });
  await model.clock.pass(3 * START_TIMEOUT_MS);
  assert.equal(removal.outcome, 'a roll, b roll, c remove');
  assert.match(addition.outcome ?? 'waits', /^a roll, c (add|roll)$/);
  assert.match(again.outcome ?? 'waits', /^a (keep|roll), b (keep|roll), c (add|keep|roll)$/);
  assert.equal(model.pool('c')?.state.desired, 'running');
});

void test('a takeover waits for those under way, and none begins before it is over', async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] }, user(33));
  await model.clock.pass(10);
  const order: string[] = [];
  let finish = (): void => {};
  const takeover = model.instance.reloads.apart(() => {
    order.push('takeover');
    return new Promise<void>(resolve => {
      finish = resolve;
    });
  });
  const after = model.ask({ pools: ['b'] });
  await model.clock.pass(START_TIMEOUT_MS - 500);
  assert.deepEqual([order, after.outcome], [[], null]);
  await model.clock.pass(1000);
  assert.deepEqual([order, after.outcome], [['takeover'], null]);
  finish();
  await takeover;
  await model.clock.pass(500);
  assert.equal(after.outcome, 'b roll');
});

void test('where one has to wait, root passes before the users of pools', async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] });
  await model.clock.pass(10);
  let finish = (): void => {};
  const ended = new Promise<void>(resolve => {
    finish = resolve;
  });
  void model.instance.reloads.apart(() => ended);
  const tenants = [33, 34, 35].map(uid => model.ask({ pools: ['b'], dry_run: true }, user(uid)));
  const root = model.ask({ pools: ['b'], dry_run: true });
  await model.clock.pass(2 * START_TIMEOUT_MS);
  const order: string[] = [];
  const watch = (name: string, asked: Asked): void => {
    let { outcome } = asked;
    Object.defineProperty(asked, 'outcome', {
      get: () => outcome,
      set: (value: string) => {
        outcome = value;
        order.push(name);
      },
    });
  };
  watch('root', root);
  for (const tenant of tenants) watch('tenant', tenant);
  finish();
  await model.clock.pass(100);
  assert.deepEqual(order, ['root', 'tenant', 'tenant', 'tenant']);
});
