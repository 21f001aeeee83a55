/** What may happen in the model, as values that fast-check makes and shrinks: each makes sense whatever came before. */
import * as fc from 'fast-check';
import { isObstructed, isWanted } from '../../../../src/pool/pool-state.ts';
import { Invariants } from './invariants.ts';
import { Model } from './model.ts';
import { type Kind, NAMES, type PoolShape } from './settings.ts';
import { HEALTHY, type Program } from './things.ts';

export type Operation =
  | { readonly do: 'start'; readonly pool: string }
  | { readonly do: 'stop'; readonly pool: string; readonly now: boolean }
  | { readonly do: 'scale'; readonly pool: string; readonly size: number; readonly force: boolean }
  | { readonly do: 'reload'; readonly pools: readonly string[] | null; readonly changed: boolean }
  | { readonly do: 'edit'; readonly pool: string; readonly change: Partial<PoolShape> }
  | { readonly do: 'remove' | 'add'; readonly pool: string }
  /** What the pool's settings need is not there any more, or is again. */
  | { readonly do: 'obstruct'; readonly pool: string; readonly isMended: boolean }
  | { readonly do: 'log'; readonly file: string }
  | { readonly do: 'clients'; readonly pool: string; readonly count: number; readonly serveMs: number }
  | { readonly do: 'worker dies'; readonly pool: string; readonly which: number; readonly signal: boolean }
  | { readonly do: 'program'; readonly pool: string; readonly program: Partial<Program> }
  | { readonly do: 'fail'; readonly what: 'spawn' | 'listen' | 'publish'; readonly times: number }
  | { readonly do: 'latency'; readonly askMs: number; readonly answerMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'supervisor dies'; readonly heard: number }
  | { readonly do: 'keeper dies'; readonly isAllowed: boolean };

export interface Scenario {
  readonly pools: readonly PoolShape[];
  /** The files of so many of them are not there at the start. */
  readonly missing: number;
  /** What the first one needs is not there at the start, if there are others. */
  readonly isObstructed: boolean;
  readonly operations: readonly Operation[];
}

const pool = fc.constantFrom(...NAMES);
const kind = fc.constantFrom<Kind>('tcp', 'unix', 'systemd', 'none');
const place = fc.constantFrom<0 | 1>(0, 1);

const shape: fc.Arbitrary<PoolShape> = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Kind>('tcp', 'unix') },
    { weight: 2, arbitrary: kind },
  ),
  mode: fc.constantFrom<PoolShape['mode']>('static', 'ondemand', 'dynamic'),
  isGraceful: fc.boolean(),
  maxChildren: fc.integer({ min: 1, max: 3 }),
  place: fc.constant(0),
  release: fc.constant(0),
  idleTimeoutMs: fc.constant(2000),
});

const change: fc.Arbitrary<Partial<PoolShape>> = fc.oneof(
  fc.record({ release: fc.nat(5) }),
  fc.record({ place }),
  fc.record({ maxChildren: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ idleTimeoutMs: fc.constantFrom(1000, 2000) }),
);

const program: fc.Arbitrary<Partial<Program>> = fc.oneof(
  fc.constant({}),
  fc.record({ bootMs: fc.constantFrom(5, 300, 1500) }),
  fc.record({ fate: fc.constantFrom<Program['fate']>('exits', 'never accepts') }),
  fc.record({ ignoresStop: fc.constant(true) }),
  fc.record({ lingers: fc.constant(true) }),
);

const ms = fc.constantFrom(5, 50, 150, 500, 1200, 4000);
const now = fc.oneof(
  { weight: 4, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('pass' as const), ms }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const), pool }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('stop' as const), pool, now }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('clients' as const),
      pool,
      count: fc.integer({ min: 1, max: 4 }),
      serveMs: fc.constantFrom(20, 400, 2000, 9000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      pools: fc.option(fc.array(pool, { minLength: 1, maxLength: 3 })),
      changed: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit' as const), pool, change }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pool }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), pool }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('obstruct' as const), pool, isMended: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('scale' as const),
      pool,
      size: fc.integer({ min: 0, max: 4 }),
      force: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('log' as const), file: fc.constantFrom('stderr', '/a') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('worker dies' as const),
      pool,
      which: fc.nat(3),
      signal: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('program' as const), pool, program }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      what: fc.constantFrom<'spawn' | 'listen' | 'publish'>('spawn', 'listen', 'publish'),
      times: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('latency' as const),
      askMs: fc.constantFrom(0, 3, 60),
      answerMs: fc.constantFrom(0, 3, 60),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('supervisor dies' as const), heard: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('keeper dies' as const), isAllowed: fc.boolean() }) },
);

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  pools: fc.array(shape, { minLength: 1, maxLength: 3 }),
  missing: fc.nat(1),
  isObstructed: fc.boolean(),
  operations: fc.array(operation, { maxLength: 30 }),
});

/** How long everything may take to come to rest: two rollouts that nobody asked for, and the longest back-off. */
const REST_MS = 150_000;

/** Plays it. @throws {Error} what does not hold, with all that happened */
export async function play({ pools, missing, operations, ...begun }: Scenario): Promise<void> {
  const model = new Model();
  const rejections: string[] = [];
  const rejected = (error: unknown): void => {
    rejections.push(`nobody takes: ${error instanceof Error ? error.stack : String(error)}`);
  };
  process.on('unhandledRejection', rejected);
  try {
    if (begun.isObstructed && pools.length - missing > 1) model.obstructed.add(NAMES[0] ?? '');
    await model.begin(
      new Map(pools.map((it, i) => [NAMES[i] ?? '', it])),
      NAMES.slice(pools.length - missing, pools.length),
    );
    const invariants = new Invariants(model);
    for (const it of operations) {
      await perform(model, invariants, it);
      refuse(model, [...rejections, ...invariants.afterStep()]);
    }
    await rest(model, invariants, rejections);
    model.obstructed.clear();
    model.reload(null, false);
    await rest(model, invariants, rejections);
    const { last } = model.instance.record;
    if (last?.ok !== true) refuse(model, [`the reload at the end failed: ${last?.message}`]);
    const failed = [...model.instance.supervisor.pools.values()].filter(({ state }) => isObstructed(state));
    refuse(
      model,
      failed.map(({ name }) => `${name} was not tried by the reload at the end`),
    );
    model.run('stop', model.instance.supervisor.stopAll(false));
    await rest(model, invariants, rejections);
    if (model.keeper.listeners.size + model.world.workers.size > 0) refuse(model, ['something is left']);
  } finally {
    process.off('unhandledRejection', rejected);
    if (model.hasInstance) model.instance.isAlive = false;
  }
}

async function rest(model: Model, invariants: Invariants, rejections: readonly string[]): Promise<void> {
  const { keeper, world, clock } = model;
  keeper.askMs = 0;
  keeper.answerMs = 0;
  keeper.failing.clear();
  for (const name of NAMES) world.programs.set(name, HEALTHY);
  for (let leftMs = REST_MS; leftMs > 0; leftMs -= 1000) {
    await clock.pass(1000);
    refuse(model, [...rejections, ...invariants.afterStep()]);
    if (invariants.atRest().length === 0) return;
  }
  refuse(model, invariants.atRest());
}

async function perform(model: Model, invariants: Invariants, it: Operation): Promise<void> {
  if (it.do !== 'pass') model.tell(`* ${JSON.stringify(it)}`);
  const { world, keeper, clock, files } = model;
  switch (it.do) {
    case 'start':
      model.start(it.pool);
      break;
    case 'stop':
      model.stop(it.pool, it.now);
      break;
    case 'scale':
      model.scale(it.pool, it.size, it.force);
      break;
    case 'reload':
      model.reload(it.pools, it.changed);
      break;
    case 'obstruct':
      if (it.isMended) model.obstructed.delete(it.pool);
      else model.obstructed.add(it.pool);
      break;
    case 'edit': {
      const before = files.get(it.pool);
      if (before === undefined) break;
      files.set(it.pool, { ...before, ...it.change });
      model.edits++;
      break;
    }
    case 'remove':
      model.removeFile(it.pool);
      model.edits++;
      break;
    case 'add':
      model.restoreFile(it.pool);
      model.edits++;
      break;
    case 'log':
      model.globals = { ...model.globals, log: { ...model.globals.log, file: it.file } };
      model.edits++;
      break;
    case 'clients':
      model.clients(it.pool, it.count, it.serveMs);
      break;
    case 'worker dies': {
      const running = [...world.workers.values()].filter(w => w.spec.pool === it.pool && w.exit === null);
      const worker = running[it.which % Math.max(1, running.length)];
      if (worker === undefined) break;
      world.troubleAtMs.set(it.pool, clock.nowMs());
      world.end(worker, it.signal ? { code: null, signal: 'SIGSEGV' } : { code: 0, signal: null });
      break;
    }
    case 'program':
      world.programs.set(it.pool, { ...HEALTHY, ...it.program });
      break;
    case 'fail':
      keeper.failing.set(it.what, it.times);
      break;
    case 'latency':
      keeper.askMs = it.askMs;
      keeper.answerMs = it.answerMs;
      break;
    case 'pass':
      await clock.pass(it.ms);
      break;
    case 'supervisor dies':
      if (!keeper.isQuiet) invariants.countersLost();
      await model.supervisorDies(it.heard);
      break;
    case 'keeper dies':
      if (!keeper.isQuiet) invariants.countersLost();
      await model.keeperDies(it.isAllowed);
      invariants.started();
      break;
  }
  await clock.pass(0);
  if (it.do !== 'stop') return;
  const pool = model.pool(it.pool);
  if (pool !== null && isWanted(pool.state)) model.violations.push(`the stop of ${it.pool} does not begin`);
}

function refuse(model: Model, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new Error(`${problems.join('\n')}\n${model.story.slice(-150).join('\n')}`);
}
