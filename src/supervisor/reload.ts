/**
 * Reload (DESIGN section 6): the configuration is read and checked first, then pool after pool gets what the plan
 * says. A pool that does not come up keeps what it had; reloads that come meanwhile wait their turn.
 */
import { type PlanEntry, reloadPlan } from '../config/plan.ts';
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import type { Args, PlannedPool, ReloadResult } from '../control/types.ts';
import { ERRORS, EXIT, FpmError } from '../errors.ts';
import { checkAgainstSystem, type Loaded, readConfiguration } from './configuration.ts';
import type { Supervisor } from './supervisor.ts';

type ReloadArgs = Args<'reload'>;

export interface ReloadPorts {
  readonly supervisor: Supervisor;
  readonly configFile: string | null;
  readonly inheritedSockets: readonly string[];
  /** A reload has begun or ended. */
  readonly onPhase: () => void;
  /** The files have been read and are in effect from now on. */
  readonly onLoaded: (loaded: Loaded) => Promise<void>;
}

export class Reloads {
  readonly #ports: ReloadPorts;
  #last: Promise<unknown> = Promise.resolve();
  /** Those that have not begun, by what they ask for: the same again joins them. */
  readonly #pending = new Map<string, Promise<ReloadResult>>();

  constructor(ports: ReloadPorts) {
    this.#ports = ports;
  }

  /** @throws {FpmError} the reason; what ran before goes on then */
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

  async #run(args: ReloadArgs): Promise<ReloadResult> {
    const { supervisor } = this.#ports;
    if (args.dry_run === true) return (await this.#prepare(args)).result;
    supervisor.isReloading = true;
    this.#ports.onPhase();
    try {
      const result = await this.#apply(args);
      this.#record(null);
      return result;
    } catch (error) {
      const shown = error instanceof FpmError ? error : new FpmError('RELOAD_FAILED', String(error));
      if (shown.code !== 'NO_SUCH_POOL') this.#record(shown); // a slip of the keyboard reloads nothing
      throw error;
    } finally {
      supervisor.isReloading = false;
      this.#ports.onPhase();
    }
  }

  async #prepare(args: ReloadArgs): Promise<{ loaded: Loaded; result: ReloadResult }> {
    const { supervisor, configFile, inheritedSockets } = this.#ports;
    if (supervisor.isStopping) throw new FpmError('RELOAD_FAILED', 'fpm-ts is stopping');
    const loaded = readConfiguration(configFile);
    for (const name of args.pools ?? []) {
      if (!loaded.config.pools.some(pool => pool.name === name)) supervisor.pool(name); // throws: unknown to both
    }
    const own = supervisor.facts.map(({ config }) => config.listen.text);
    const notices = [...loaded.notices, ...(await checkAgainstSystem(loaded, own, inheritedSockets))];
    const plan = reloadPlan(supervisor.config, loaded.config);
    const pools = plan
      .flatMap(entry => (entry.pool === null ? [] : [plannedPool(entry.pool, entry, args.changed === true)]))
      .filter(({ pool }) => args.pools === undefined || args.pools.includes(pool));
    const needsRestart = plan
      .filter(({ pool }) => pool === null)
      .flatMap(({ changes }) => changes.filter(({ applies }) => applies === 'restart').map(({ key }) => key));
    return {
      loaded,
      result: { dry_run: args.dry_run === true, pools, needs_restart: needsRestart, notices },
    };
  }

  async #apply(args: ReloadArgs): Promise<ReloadResult> {
    const { supervisor, onLoaded } = this.#ports;
    const { loaded, result } = await this.#prepare(args);
    const concerned = result.pools.filter(({ action }) => action !== 'keep').map(({ pool }) => pool);
    supervisor.ports.report({ type: 'reloading', pools: concerned });
    supervisor.beginReload(concerned);
    const failures: string[] = [];
    for (const planned of result.pools) {
      if (supervisor.isStopping) throw new FpmError('RELOAD_FAILED', 'fpm-ts is stopping');
      const failure = await this.#applyTo(planned, loaded.config);
      if (failure !== null) failures.push(`pool ${planned.pool}: ${failure}`);
      await supervisor.keep(supervisor.config); // the next pool may take long, and we may die meanwhile
    }
    await supervisor.keep(args.pools === undefined ? loaded.config : supervisor.config);
    if (args.pools === undefined) await onLoaded(loaded);
    if (failures.length > 0) throw new FpmError('RELOAD_FAILED', failures.join('\n'));
    supervisor.ports.report({ type: 'reloaded', pools: concerned });
    return result;
  }

  /** @returns why it did not work; the pool then is as it was before */
  async #applyTo(planned: PlannedPool, config: GlobalConfig): Promise<string | null> {
    const { supervisor } = this.#ports;
    const wanted = config.pools.find(pool => pool.name === planned.pool);
    switch (planned.action) {
      case 'keep':
        return null;
      case 'remove':
        await supervisor.removePool(supervisor.pool(planned.pool));
        return null;
      case 'add':
        return wanted === undefined ? null : await this.#add(wanted);
      case 'live':
        if (wanted !== undefined) supervisor.pool(planned.pool).reconfigure(wanted);
        return null;
      case 'roll': {
        if (wanted === undefined) return null;
        const rolled = await supervisor.pool(planned.pool).roll(wanted);
        return rolled.ok ? null : rolled.reason;
      }
    }
  }

  async #add(config: PoolConfig): Promise<string | null> {
    const { supervisor } = this.#ports;
    const pool = supervisor.addPool(config);
    try {
      await pool.open();
    } catch (error) {
      supervisor.pools.delete(config.name);
      return error instanceof Error ? error.message : String(error);
    }
    await supervisor.untilUp(pool);
    if (!pool.facts.isHopeless) return null;
    const reason = pool.facts.lastFailure;
    await supervisor.stopPools([pool], true);
    supervisor.pools.delete(config.name);
    return reason;
  }

  #record(error: FpmError | null): void {
    const { supervisor } = this.#ports;
    if (error !== null) supervisor.ports.report({ type: 'reloadFailed', message: error.message });
    supervisor.lastReload = {
      at: new Date().toISOString(),
      ok: error === null,
      code: error === null ? EXIT.ok : ERRORS[error.code].exit,
      message: error?.message ?? '',
    };
    supervisor.saveLastReload();
  }
}

/** Without --changed every pool gets new workers, whether its settings changed or not. */
function plannedPool(pool: string, entry: PlanEntry, onlyChanged: boolean): PlannedPool {
  const changes = entry.changes.map(({ key, applies }) => ({ key, applied: applies }));
  return { pool, action: actionOf(entry, onlyChanged), changes };
}

function actionOf({ action, applies }: PlanEntry, onlyChanged: boolean): PlannedPool['action'] {
  if (action === 'added') return 'add';
  if (action === 'removed') return 'remove';
  if (!onlyChanged) return 'roll';
  if (action === 'unchanged') return 'keep';
  return applies === 'live' ? 'live' : 'roll';
}
