/** Reloads that overlap, with a clock that the test makes: who waits for whom, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Args } from '../../../../src/commands/commands.ts';
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

/** Begins in its turn, and is over when the test says so. */
interface Held {
  hasBegun: boolean;
  finish: () => void;
}

function held(begin: (work: () => Promise<void>) => Promise<void>): Held {
  const it: Held = { hasBegun: false, finish: () => {} };
  const work = (): Promise<void> => {
    it.hasBegun = true;
    return new Promise(resolve => {
      it.finish = resolve;
    });
  };
  void begin(work);
  return it;
}

const upgrade = (model: Overlap): Held => held(work => model.instance.reloads.upgrade(work));
const takeover = (model: Overlap, pool: string): Held =>
  held(work => model.instance.reloads.takeOver(pool, () => Promise.resolve(), work));

const BY_UPGRADE = /^pool a: an upgrade of fpm-ts cancelled this reload: `fpm-ts reload a` starts it again$/;

void test('a takeover waits only for reloads of its pool, and only they wait for it', async () => {
  const model = await Overlap.of('a');
  model.ask({ pools: ['a'] }, user(33));
  await model.clock.pass(10);
  const [ofA, ofB] = [takeover(model, 'a'), takeover(model, 'b')];
  await model.clock.pass(10);
  const [again, all, ofC] = [
    model.ask({ pools: ['b'] }),
    model.ask({}),
    model.ask({ pools: ['c'] }, user(34)),
  ];
  await model.clock.pass(500);
  assert.deepEqual([ofA.hasBegun, ofB.hasBegun], [false, true]);
  assert.deepEqual([model.generation('b'), again.outcome], [1, null]);
  assert.ok((model.generation('c') ?? 0) > 1 && ofC.outcome === 'c roll');
  ofB.finish();
  await model.clock.pass(START_TIMEOUT_MS);
  assert.deepEqual([again.outcome, ofA.hasBegun, all.outcome], ['b roll', true, null]);
  ofA.finish();
  model.world.programs.set('a', HEALTHY);
  await model.clock.pass(2 * START_TIMEOUT_MS);
  assert.equal(all.outcome, 'a roll, b roll, c roll');
});

void test('an upgrade cancels what users of pools have asked for: the old workers stay', async () => {
  const model = await Overlap.of('a');
  const before = [...(model.pool('a')?.state.workers.keys() ?? [])];
  const [underWay, waits] = [user(33), user(33)].map(it => model.ask({ pools: ['a'] }, it)) as [Asked, Asked];
  await model.clock.pass(10);
  const upgraded = upgrade(model);
  const later = model.ask({ pools: ['a'] }, user(34));
  await model.clock.pass(100);
  assert.ok(upgraded.hasBegun);
  assert.match(underWay.outcome ?? 'waits', BY_UPGRADE);
  for (const { outcome } of [waits, later]) assert.match(outcome ?? 'waits', /cancelled this|not begun/);
  assert.equal(model.pool('a')?.state.rollout, null);
  await model.clock.pass(2 * START_TIMEOUT_MS);
  assert.deepEqual([...(model.pool('a')?.state.workers.keys() ?? [])], before);
  assert.match(model.instance.record.last?.message ?? '', BY_UPGRADE);
});

void test('one that reads the files when the upgrade comes does nothing but that', async () => {
  const model = await Overlap.of();
  model.reading = () =>
    new Promise(resolve => {
      model.clock.after(50, resolve);
    });
  const tenant = model.ask({ pools: ['a'] }, user(33));
  await model.clock.pass(10);
  const upgraded = upgrade(model);
  await model.clock.pass(200);
  assert.match(tenant.outcome ?? 'waits', BY_UPGRADE);
  assert.deepEqual([upgraded.hasBegun, model.world.spawned.get('a')], [true, 1]);
});

void test('an upgrade waits for what administrators have asked for, with what users asked for before it', async () => {
  const model = await Overlap.of('a');
  const tenant = model.ask({ pools: ['a'] }, user(33));
  await model.clock.pass(10);
  const root = model.ask({ pools: ['a', 'b'] });
  await model.clock.pass(10);
  model.world.programs.set('a', HEALTHY);
  const upgraded = upgrade(model);
  await model.clock.pass(10);
  assert.deepEqual([upgraded.hasBegun, root.outcome], [false, null]);
  assert.match(tenant.outcome ?? 'waits', BY_UPGRADE);
  await model.clock.pass(START_TIMEOUT_MS);
  assert.deepEqual([upgraded.hasBegun, root.outcome], [true, 'a roll, b roll']);
});

void test('nothing that is asked for after an upgrade begins before it, and it is told so', async () => {
  const model = await Overlap.of();
  const upgraded = upgrade(model);
  const [tenant, root, other] = [model.ask({ pools: ['b'] }, user(33)), model.ask({}), takeover(model, 'c')];
  await model.clock.pass(500);
  assert.deepEqual([upgraded.hasBegun, other.hasBegun], [true, false]);
  assert.deepEqual([tenant.outcome, root.outcome], [null, null]);
  upgraded.finish(); // it has failed
  await model.clock.pass(500);
  assert.deepEqual([tenant.outcome, other.hasBegun], ['b roll', true]);
});

void test('where one has to wait, root passes before the users of pools', async () => {
  const model = await Overlap.of();
  const read = new Promise<void>(resolve => {
    setImmediate(resolve);
  });
  void model.instance.reloads.takeOver(
    'a',
    () => read,
    () => Promise.resolve(),
  );
  const tenants = [33, 34, 35].map(uid => model.ask({ pools: ['b'], dry_run: true }, user(uid)));
  const root = model.ask({ pools: ['b'], dry_run: true });
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
  await read;
  await model.clock.pass(100);
  assert.deepEqual(order, ['root', 'tenant', 'tenant', 'tenant']);
});

void test('a user who reloads without pause has the files read a tenth of the time; root and others as they like', async () => {
  const model = await Overlap.of();
  const readings = new Map<string, number>();
  model.reading = async ({ pools = [] }) => {
    const key = pools.join();
    readings.set(key, (readings.get(key) ?? 0) + 1);
    await new Promise<void>(resolve => {
      model.clock.after(50, resolve);
    });
  };
  const loop = async (changed: boolean): Promise<void> => {
    for (;;) await model.instance.reloads.reload({ pools: ['a'], changed }, user(33));
  };
  for (let i = 0; i < 8; i++) void loop(i % 2 === 0);
  await model.clock.pass(10);
  const other = model.ask({ pools: ['b'] }, user(34));
  const root = model.ask({ pools: ['c'], changed: true });
  await model.clock.pass(500);
  assert.deepEqual([other.outcome, root.outcome], ['b roll', 'c keep']);
  await model.clock.pass(9500);
  const times = readings.get('a') ?? 0;
  assert.ok(times > 10 && times <= 21, `${times} readings of 50 ms in 10 s`);
});
