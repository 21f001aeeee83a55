/**
 * Reload (DESIGN section 6): the configuration is read and checked first, then each pool gets what the plan says, many
 * of them side by side. A pool that does not come up keeps what it had; reloads that come meanwhile wait their turn.
 */
import { availableParallelism } from 'node:os';
import { type PlanEntry, reloadPlan } from '../config/plan.ts';
import { describeObstacle } from '../config/problems.ts';
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import type { Args, PlannedPool, ReloadResult } from '../control/types.ts';
import { FpmError } from '../errors.ts';
import type { Pool } from '../pool/pool.ts';
import { failureOf, hasGivenUp, isObstructed, isWanted, stayingOf } from '../pool/pool-state.ts';
import { rolloutSize } from '../pool/rollout.ts';
import type { ConfigFiles } from './config-files.ts';
import type { Configuration, Loaded } from './configuration.ts';
import type { LastReloadRecord } from './last-reload.ts';
import { addressesOf } from './start-pools.ts';
import type { Supervisor } from './supervisor.ts';

type ReloadArgs = Args<'reload'>;

/** Pools that are rolled side by side: starting workers keeps the cores busy, waiting for them does not. */
const SIDE_BY_SIDE: number = 8 * availableParallelism();

/** The pool is stopped: it takes the settings, and is started with them. */
const STOPPED = Symbol('stopped');

export interface ReloadPorts {
  readonly supervisor: Supervisor;
  readonly configuration: Configuration;
  readonly record: LastReloadRecord;
  readonly files: ConfigFiles;
  /** A reload has begun or ended. */
  readonly onPhase: () => void;
  /** The settings of fpm-ts.toml have been taken. */
  readonly onSettings: () => Promise<void>;
}

export class Reloads {
  readonly #ports: ReloadPorts;
  #last: Promise<unknown> = Promise.resolve();
  /** Those that have not begun, by what they ask for: the same again joins them. */
  readonly #pending = new Map<string, Promise<ReloadResult>>();

  constructor(ports: ReloadPorts) {
    this.#ports = ports;
  }

  /** @throws {FpmError} the reason; what ran before continues then */
  reload(args: ReloadArgs): Promise<ReloadResult> {
    const key = JSON.stringify(args);
    const joined = this.#pending.get(key);
    if (joined !== undefined) return joined;
    const next = this.#last.then(async () => {
      this.#pending.delete(key);
      return await this.#run(args);
    });
    this.#pending.set(key, next);
    this.#last = next.catch(() => {});
    return next;
  }

  /** Runs the work when no reload is under way; none begins before it is over. */
  async apart<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => {});
    return await next;
  }

  /** When all that the files say is in effect, they are what runs, and no reload has failed. */
  noteIfInEffect(loaded: Loaded): void {
    const { supervisor, files, record } = this.#ports;
    const wanted = { ...supervisor.config, ...supervisor.settings.wanted };
    if (reloadPlan(wanted, loaded.config).some(({ action }) => action !== 'unchanged')) return;
    files.remember(loaded.sources.files, loaded.config);
    record.mend();
  }

  async #run(args: ReloadArgs): Promise<ReloadResult> {
    const { supervisor, record, onPhase } = this.#ports;
    if (args.dry_run === true) return (await this.#prepare(args)).result;
    supervisor.changes++;
    onPhase();
    try {
      const result = await this.#apply(args);
      record.end(null);
      return result;
    } catch (error) {
      const shown = error instanceof FpmError ? error : new FpmError('RELOAD_FAILED', String(error));
      if (shown.code !== 'NO_SUCH_POOL' && shown.code !== 'POOL_STOPPED') record.end(shown); // it has reloaded nothing
      throw error;
    } finally {
      supervisor.changes--;
      onPhase();
    }
  }

  async #prepare(args: ReloadArgs): Promise<{ loaded: Loaded; result: ReloadResult }> {
    const { supervisor, configuration } = this.#ports;
    if (supervisor.isStopping) throw new FpmError('RELOAD_FAILED', 'fpm-ts is stopping');
    const read = configuration.read();
    for (const name of args.pools ?? []) {
      if (!read.config.pools.some(pool => pool.name === name)) supervisor.pool(name); // throws: unknown to both
    }
    const wish = { own: addressesOf(supervisor), pools: args.pools };
    const loaded = await configuration.check(read, wish);
    const { notices } = loaded;
    const plan = reloadPlan(supervisor.config, loaded.config);
    const pools = plan
      .flatMap(entry => (entry.pool === null ? [] : [this.#planned(entry.pool, entry, args, loaded)]))
      .filter(({ pool }) => args.pools === undefined || args.pools.includes(pool));
    const needsRestart = plan
      .filter(({ pool }) => pool === null)
      .flatMap(({ changes }) => changes.filter(({ applies }) => applies === 'restart').map(({ key }) => key));
    return {
      loaded,
      result: { dry_run: args.dry_run === true, pools, needs_restart: needsRestart, notices },
    };
  }

  /** Without --changed every pool gets new workers, whether its settings changed or not. */
  #planned(name: string, entry: PlanEntry, args: ReloadArgs, { obstacles }: Loaded): PlannedPool {
    const changes = entry.changes.map(({ key, applies }) => ({ key, applied: applies }));
    const running = this.#ports.supervisor.pools.get(name);
    const isToTry = running !== undefined && isObstructed(running.state);
    const action = actionOf(entry, args.changed === true && !isToTry);
    const errors = action === 'remove' || action === 'keep' ? undefined : obstacles.get(name);
    if (errors !== undefined)
      return { pool: name, action: 'fail', changes, reason: describeObstacle(errors) };
    const isStopped = running !== undefined && !isWanted(running.state) && action !== 'remove';
    return { pool: name, action: isStopped ? 'stopped' : action, changes };
  }

  async #apply(args: ReloadArgs): Promise<ReloadResult> {
    const { supervisor, record, onSettings } = this.#ports;
    const { loaded, result: plan } = await this.#prepare(args);
    const concerned = plan.pools
      .filter(({ action }) => action !== 'keep' && action !== 'stopped' && action !== 'fail')
      .map(({ pool }) => pool);
    supervisor.ports.report({ type: 'reloading', pools: concerned });
    record.begin(concerned);
    if (args.pools === undefined) {
      supervisor.settings.take(loaded.config);
      await onSettings();
    }
    const { pools, failures } = await this.#applyToAll(plan.pools, loaded.config);
    const result = { ...plan, pools };
    this.noteIfInEffect(loaded);
    if (supervisor.isStopping) throw new FpmError('RELOAD_FAILED', 'fpm-ts is stopping');
    if (failures.length > 0) throw new FpmError('RELOAD_FAILED', failures.join('\n'));
    const stopped = pools.filter(({ action }) => action === 'stopped').map(({ pool }) => pool);
    if (args.pools !== undefined && stopped.length > 0) throw stoppedError(stopped);
    supervisor.ports.report({ type: 'reloaded', pools: concerned });
    return result;
  }

  /**
   * @returns what was done, in the order of the plan: a pool may have been stopped since that was made; and why some
   * did not work, which are then as they were before
   */
  async #applyToAll(
    planned: readonly PlannedPool[],
    config: GlobalConfig,
  ): Promise<{ readonly pools: PlannedPool[]; readonly failures: string[] }> {
    const wanted = new Map(config.pools.map(pool => [pool.name, pool]));
    const failures = new Map<string, string>();
    const stopped = new Set<string>();
    const room = new Room(this.#ports.supervisor);
    await Promise.all(
      planned.map(async it => {
        const size = this.#sizeOf(it, wanted.get(it.pool));
        await room.enter(size);
        try {
          const failure = await this.#applyTo(it, wanted.get(it.pool));
          if (failure === STOPPED) stopped.add(it.pool);
          else if (failure !== null) failures.set(it.pool, `pool ${it.pool}: ${failure}`);
        } finally {
          room.leave(size);
        }
      }),
    );
    return {
      pools: planned.map(it => (stopped.has(it.pool) ? { ...it, action: 'stopped' } : it)),
      failures: planned.flatMap(({ pool }) => failures.get(pool) ?? []),
    };
  }

  /** How many workers it starts beside those that there are. */
  #sizeOf({ action, pool: name }: PlannedPool, wanted: PoolConfig | undefined): number {
    if (action !== 'roll' || wanted === undefined) return 0;
    const { state } = this.#ports.supervisor.pool(name);
    return rolloutSize(wanted, stayingOf(state, state.generation).length, null);
  }

  /** @returns why it did not work; the pool then is as it was before */
  async #applyTo(
    planned: PlannedPool,
    wanted: PoolConfig | undefined,
  ): Promise<string | typeof STOPPED | null> {
    const { supervisor } = this.#ports;
    if (supervisor.isStopping) return 'fpm-ts is stopping';
    const pool = supervisor.pools.get(planned.pool);
    try {
      if (planned.action === 'fail') {
        const reason = planned.reason ?? '';
        if (pool !== undefined && isObstructed(pool.state)) pool.obstruct(reason);
        return reason;
      }
      if (planned.action === 'remove') {
        if (pool !== undefined) await supervisor.removePool(pool);
      } else if (wanted === undefined || planned.action === 'keep') return null;
      else if (planned.action === 'add') return await this.#add(wanted);
      else if (pool === undefined) return 'it was removed meanwhile';
      else if (planned.action === 'live') await pool.reconfigure(wanted);
      else return await this.#roll(pool, wanted);
      return null;
    } catch (error) {
      return messageOf(error); // a stop or another command came in between
    }
  }

  async #roll(pool: Pool, wanted: PoolConfig): Promise<string | typeof STOPPED | null> {
    const rolled = await pool.reload(wanted);
    if (rolled === 'stopped') return STOPPED;
    return rolled.ok ? null : rolled.reason;
  }

  async #add(config: PoolConfig): Promise<string | null> {
    const { supervisor } = this.#ports;
    const pool = supervisor.addPool(config);
    const failure = await pool.start(true).then(
      () => null,
      (error: unknown) => (hasGivenUp(pool.state) ? failureOf(pool.state) : messageOf(error)),
    );
    // A stop that came in between leaves it stopped.
    if (failure === null || (!hasGivenUp(pool.state) && pool.state.openFailure === null)) return failure;
    pool.stop(true).catch(() => {}); // its workers never served
    await supervisor.removePool(pool);
    return failure;
  }
}

/** How many rollouts run side by side. Where process.max or free memory leaves no room for another, it waits. */
class Room {
  readonly #supervisor: Supervisor;
  #running = 0;
  #workers = 0;
  #waiting: { readonly workers: number; readonly enter: () => void }[] = [];

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  enter(workers: number): Promise<void> {
    return new Promise(enter => {
      this.#waiting.push({ workers, enter });
      this.#admit();
    });
  }

  leave(workers: number): void {
    this.#running--;
    this.#workers -= workers;
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const isFull = this.#running >= SIDE_BY_SIDE;
      if (isFull || (this.#running > 0 && !this.#supervisor.hasRoomFor(this.#workers + next.workers))) return;
      this.#waiting.shift();
      this.#running++;
      this.#workers += next.workers;
      next.enter();
    }
  }
}

function stoppedError(pools: readonly string[]): FpmError {
  const names = pools.join(' ');
  const what = pools.length === 1 ? `pool ${names} is` : `pools ${pools.join(', ')} are`;
  return new FpmError(
    'POOL_STOPPED',
    `${what} stopped: the settings are read, and \`fpm-ts start ${names}\` starts with them`,
  );
}

function actionOf({ action, applies }: PlanEntry, onlyChanged: boolean): PlannedPool['action'] {
  if (action === 'added') return 'add';
  if (action === 'removed') return 'remove';
  if (!onlyChanged) return 'roll';
  if (action === 'unchanged') return 'keep';
  return applies === 'live' ? 'live' : 'roll';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
