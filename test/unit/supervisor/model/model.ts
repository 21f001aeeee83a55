/** The real supervisor in the model's world: it is given commands, it dies and comes back, and what it promises is checked. */
import { type Obstacles, problem } from '../../../../src/config/problems.ts';
import type { GlobalConfig } from '../../../../src/config/types.ts';
import { FpmError } from '../../../../src/errors.ts';
import type { Keeper } from '../../../../src/keeper/client.ts';
import { LAST_RELOAD, SETTINGS } from '../../../../src/keeper/notes.ts';
import type { World as HeldWorld } from '../../../../src/keeper/protocol.ts';
import type { Event } from '../../../../src/observe/events.ts';
import type { Pool } from '../../../../src/pool/pool.ts';
import { listenerId } from '../../../../src/pool/pool-listener.ts';
import { countersOf, isClosed, isWanted } from '../../../../src/pool/pool-state.ts';
import { ConfigFiles } from '../../../../src/supervisor/config-files.ts';
import type { CheckWish, Configuration } from '../../../../src/supervisor/configuration.ts';
import { type Globals, Settings } from '../../../../src/supervisor/global-settings.ts';
import { LastReloadRecord } from '../../../../src/supervisor/last-reload.ts';
import { Reloads } from '../../../../src/supervisor/reload.ts';
import { finishStops, restorePools, startedAgain } from '../../../../src/supervisor/restore-pools.ts';
import { scale } from '../../../../src/supervisor/scale-pool.ts';
import { startAnew, startPools } from '../../../../src/supervisor/start-pools.ts';
import { Supervisor } from '../../../../src/supervisor/supervisor.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeKeeper } from './fake-keeper.ts';
import { kernelOf } from './fake-kernel.ts';
import { addressOf, configOf, GLOBALS, NAMES, type PoolShape } from './settings.ts';
import { World } from './world.ts';

/** One supervisor process. */
interface Instance {
  readonly supervisor: Supervisor;
  readonly reloads: Reloads;
  readonly record: LastReloadRecord;
  readonly configuration: Configuration;
  isAlive: boolean;
}

export class Model {
  readonly clock = new FakeClock();
  readonly world: World = new World(this.clock);
  readonly keeper: FakeKeeper = new FakeKeeper(this.world, NAMES);
  /** What the files say. */
  readonly files = new Map<string, PoolShape>();
  /** What their settings need is not there. */
  readonly obstructed = new Set<string>();
  globals: Globals = GLOBALS;
  /** Done when the files are checked. */
  reading: (wish: CheckWish) => Promise<void> = () => Promise.resolve();
  /** When the files were edited last, and when the supervisor last noted that they are in effect, both counted. */
  edits = 0;
  editsInEffect = 0;
  /** Commands whose promise has not settled. */
  readonly pending = new Map<symbol, string>();
  /** What happened, for a person who reads a counterexample. */
  readonly story: string[] = [];
  #instance: Instance | null = null;
  readonly #removed = new Map<string, PoolShape>();

  get instance(): Instance {
    if (this.#instance === null) throw new Error('no supervisor runs');
    return this.#instance;
  }

  get hasInstance(): boolean {
    return this.#instance !== null;
  }

  /** A pool's file is removed. */
  removeFile(name: string): void {
    const shape = this.files.get(name);
    if (shape === undefined) return;
    this.#removed.set(name, shape);
    this.files.delete(name);
  }

  /** It is there again. */
  restoreFile(name: string): void {
    const shape = this.#removed.get(name);
    if (shape === undefined || this.files.has(name)) return;
    this.files.set(name, shape);
  }

  get violations(): string[] {
    return this.world.violations;
  }

  tell(text: string): void {
    this.story.push(`${(this.clock.nowMs() - 1_000_000).toFixed(0).padStart(7)} ${text}`);
  }

  get wanted(): GlobalConfig {
    const pools = [...this.files].map(([name, shape]) => configOf(name, shape));
    return { ...this.globals, pools: pools.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  get #obstacles(): Obstacles {
    const missing = problem('CONFIG_SYSTEM', { file: '/pool.toml' }, 'its program does not exist');
    return new Map([...this.obstructed].map(name => [name, [missing]]));
  }

  /** @param missing pools whose files are not there yet */
  async begin(pools: ReadonlyMap<string, PoolShape>, missing: readonly string[]): Promise<void> {
    for (const [name, shape] of pools) this.files.set(name, shape);
    for (const name of missing) this.removeFile(name);
    const { instance, keeper } = this.#connect(new Settings(this.wanted));
    void startPools(instance.supervisor, keeper, this.wanted.pools, this.#obstacles);
    await this.clock.pass(200);
  }

  #connect(settings: Settings): { instance: Instance; keeper: Keeper } {
    const { clock } = this;
    const now = { isAlive: true };
    const keeper = this.keeper.connect(event => instance.supervisor.enqueue(event));
    const noted: Keeper = {
      ask: (name, ask) => keeper.ask(name, ask),
      post: (name, ask, done) => {
        if (name === 'note' && (ask as { name: string }).name === 'files') this.editsInEffect = this.edits;
        keeper.post(name, ask, done);
      },
    };
    const report = (event: Event): void => this.tell(`  ${JSON.stringify(event)}`);
    const supervisor = new Supervisor(settings, {
      keeper: noted,
      kernel: kernelOf(this.world),
      clock: {
        nowMs: () => clock.nowMs(),
        soon: work => clock.soon(() => (now.isAlive ? work() : undefined)),
        after: (ms, work) => clock.after(ms, () => (now.isAlive ? work() : undefined)),
      },
      report,
      turned: () => {},
      signalled: () => {},
    });
    const record = new LastReloadRecord(noted, report);
    const configuration: Configuration = {
      read: () => ({
        config: this.wanted,
        sources: { files: [] } as never,
        obstacles: new Map(),
        notices: [],
      }),
      check: async (loaded, wish) => {
        await this.reading(wish);
        const { pools } = wish;
        const all = [...this.#obstacles].filter(([name]) => pools === undefined || pools.includes(name));
        return { ...loaded, obstacles: new Map(all) };
      },
    };
    const reloads = new Reloads({
      supervisor,
      configuration,
      record,
      files: new ConfigFiles(noted),
      onPhase: () => {},
      onSettings: () => {
        noted.post('note', settings.note);
        return Promise.resolve();
      },
    });
    const instance: Instance = Object.assign(now, { supervisor, reloads, record, configuration });
    this.#instance = instance;
    return { instance, keeper: noted };
  }

  async supervisorDies(heard: number): Promise<void> {
    this.instance.isAlive = false;
    this.pending.clear();
    this.keeper.disconnect(heard);
    await this.clock.pass(20);
    this.#continue(this.keeper.held, false);
  }

  async keeperDies(isAllowed: boolean): Promise<void> {
    this.instance.isAlive = false;
    this.pending.clear();
    const { stopping } = Object.fromEntries(this.keeper.notes);
    this.keeper.die(isAllowed);
    await this.clock.pass(20);
    const found = this.keeper.held;
    const before = Settings.parse(found.notes[SETTINGS] ?? '');
    const { text } = new Settings(this.wanted, before.wanted).note;
    const notes = { ...found.notes, [SETTINGS]: text ?? '' };
    this.#continue({ ...found, notes: stopping === undefined ? notes : { ...notes, stopping } }, true);
  }

  /** As supervisor/main.ts and daemon.ts do. */
  #continue(found: HeldWorld, isStart: boolean): void {
    const { instance, keeper } = this.#connect(Settings.parse(found.notes[SETTINGS] ?? ''));
    const { supervisor, reloads, record } = instance;
    const isAgain = isStart && found.notes.stopping !== undefined;
    const world = isAgain ? startedAgain(keeper, found) : found;
    keeper.post('note', supervisor.settings.note);
    record.restore(world.notes[LAST_RELOAD]);
    restorePools(keeper, world, supervisor);
    supervisor.wake();
    const { stopping } = world.notes;
    if (stopping !== undefined) this.run('stop', supervisor.stopAll(stopping === 'now'));
    finishStops(supervisor);
    if (isStart) this.run('reload of the start', reloads.reload({ changed: true }));
  }

  /** Follows a command until it settles. @param check what must hold when it says that it is done */
  run<T>(name: string, promise: Promise<T>, check: (result: T) => string | null = () => null): void {
    const id = Symbol(name);
    const { instance } = this;
    this.pending.set(id, name);
    this.tell(name);
    promise.then(
      result => {
        if (!instance.isAlive) return;
        this.pending.delete(id);
        this.tell(`${name}: done`);
        const problem = check(result);
        if (problem !== null) this.violations.push(`${name} said that it was done, and ${problem}`);
      },
      (error: unknown) => {
        if (!instance.isAlive) return;
        this.pending.delete(id);
        this.tell(`${name}: ${(error as Error).message}`);
        if (!(error instanceof FpmError)) this.violations.push(`${name}: ${(error as Error).stack}`);
      },
    );
  }

  pool(name: string): Pool | null {
    return this.instance.supervisor.pools.get(name) ?? null;
  }

  // Commands

  start(name: string): void {
    const pool = this.pool(name);
    if (pool === null) return;
    const { supervisor, configuration } = this.instance;
    this.run(`start ${name}`, startAnew(pool, supervisor, configuration), () => this.whyNotServing(pool));
  }

  stop(name: string, now: boolean): void {
    const pool = this.pool(name);
    if (pool === null) return;
    if (now) this.world.forcedAtMs.set(name, this.clock.nowMs());
    this.run(`stop ${name}${now ? ' --now' : ''}`, pool.stop(now), () => this.whyNotStopped(pool));
  }

  scale(name: string, workers: number, force: boolean): void {
    const pool = this.pool(name);
    if (pool === null) return;
    const { maxChildren } = pool.state.config.pm;
    this.run(`scale ${name} ${workers}`, scale(pool, { pool: name, workers, force }), () => {
      if (!isWanted(pool.state)) return 'the pool is stopped';
      if (workers > maxChildren && !force) return 'it is more than pm.max_children';
      return pool.state.scaledTo === workers ? null : `its size is ${pool.state.scaledTo}`;
    });
  }

  reload(names: readonly string[] | null, changed: boolean): void {
    const { supervisor, reloads, record } = this.instance;
    const args = { changed, ...(names !== null && { pools: [...names] }) };
    const before = new Map(
      [...supervisor.pools].map(([name, { state }]) => [name, { pool: supervisor.pools.get(name), state }]),
    );
    const { edits } = this;
    this.run(
      `reload ${names?.join(' ') ?? ''}${changed ? ' --changed' : ''}`,
      reloads.reload(args),
      result => {
        for (const { pool: name, action } of result.pools) {
          const pool = this.pool(name);
          const was = before.get(name);
          if (action === 'stopped' && names !== null) return `${name} is stopped`;
          if (action === 'remove' && pool !== null) return `${name} is still there`;
          const why = edits === this.edits ? this.#whyNotAsSaid(name) : null;
          if (why !== null) return why;
          if (pool === null || action !== 'roll') continue;
          // It may have been stopped again since it was reloaded.
          const silent = isWanted(pool.state) ? this.whyNotServing(pool) : null;
          if (silent !== null) return silent;
          if (was?.pool === pool && pool.state.generation <= was.state.generation)
            return `${name} has its old generation`;
        }
        const isAll = edits === this.edits && supervisor.changes <= 1 && this.#isAllInEffect();
        if (isAll && (record.last?.ok === false || this.editsInEffect < edits))
          return 'all that the files say is in effect, and status says otherwise';
        return null;
      },
    );
  }

  /** What was read earlier, by another reload, must not have replaced it. */
  #whyNotAsSaid(name: string): string | null {
    const said = this.wanted.pools.find(it => it.name === name);
    const runs = this.pool(name)?.state.config;
    if (JSON.stringify(runs) === JSON.stringify(said)) return null;
    return `${name} is not as its file says: ${JSON.stringify(runs)}`;
  }

  #isAllInEffect(): boolean {
    const { supervisor } = this.instance;
    const wanted = this.wanted;
    const running = [...supervisor.pools.values()].map(({ state }) => state.config);
    return (
      running.length === wanted.pools.length &&
      wanted.pools.every(pool => running.some(it => JSON.stringify(it) === JSON.stringify(pool))) &&
      JSON.stringify(supervisor.settings.wanted) === JSON.stringify(this.globals)
    );
  }

  /** Why clients do not reach the serving generation, and it alone; null: they do. */
  whyNotServing({ name, state }: Pool): string | null {
    if (!isWanted(state)) return `${name} is stopped`;
    if (state.listening !== 'open') return `${name} does not listen`;
    if (state.config.listen.address.type === 'none') return null;
    const number = state.listener?.number ?? -1;
    const held = this.keeper.listeners.get(listenerId(name, number));
    if (held === undefined) return `the listener ${number} of ${name} is not there`;
    if (held.isLost) return null;
    return held.socket.isPublic ? null : `the listener ${number} of ${name} is not public`;
  }

  whyNotStopped({ name, state }: Pool): string | null {
    if (!isClosed(state)) return `${name} is not closed`;
    const held = [...this.keeper.listeners.keys()].filter(id => id.startsWith(`${name}#`));
    if (held.length > 0) return `${held.join(', ')} is open`;
    const left = [...this.world.workers.values()].filter(it => it.spec.pool === name && !it.isGone);
    return left.length === 0 ? null : `workers ${left.map(({ pid }) => pid).join(', ')} of ${name} are left`;
  }

  clients(name: string, count: number, serveMs: number): void {
    const { kind } = this.files.get(name) ?? this.#removed.get(name) ?? { kind: 'none' };
    const addresses = ([0, 1] as const).flatMap(place => {
      const address = addressOf(name, { kind, place });
      return address.type === 'none' ? [] : [address];
    });
    for (let i = 0; i < count; i++) this.world.connect(name, addresses, serveMs);
  }

  counters(): ReadonlyMap<string, ReturnType<typeof countersOf>> {
    return new Map([...this.instance.supervisor.pools].map(([name, { state }]) => [name, countersOf(state)]));
  }
}
