/**
 * Reload: the configuration is read and checked first, then each pool gets what the plan says, many
 * of them side by side. A pool that does not come up keeps what it had. The files are read by one reload at a time;
 * what was read later holds, and is waited for pool by pool (pool-reloads.ts).
 */

import type { ReloadArgs } from '../commands/reload.ts';
import { reloadPlan } from '../config/plan.ts';
import { describeObstacle } from '../config/problems.ts';
import { FpmError, type Part } from '../errors.ts';
import type { ConfigFiles } from './config-files.ts';
import type { Configuration, Loaded } from './configuration.ts';
import type { LastReloadRecord, ReloadEntry } from './last-reload.ts';
import { type Outcome, PoolReloads, type Wanted } from './pool-reloads.ts';
import { ReadingLimit } from './reading-limit.ts';
import {
  type Asked,
  type Asker,
  askedFor,
  type ReloadOutcome,
  ReloadQueue,
  type WaitingReload,
} from './reload-queue.ts';
import { addressesOf } from './start-pools.ts';
import type { Supervisor } from './supervisor.ts';

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

/** A signal, or a start. */
const OURSELVES: Asker = {
  caller: { uid: process.getuid?.() ?? 0, mayDoAll: true },
  left: null,
};

/** What is known once the files have been read. */
interface Reading {
  readonly loaded: Loaded;
  readonly plan: ReloadOutcome;
  /** What each pool that is concerned is to be, by name. */
  readonly wanted: ReadonlyMap<string, Wanted>;
}

export class Reloads {
  readonly #ports: ReloadPorts;
  readonly #queue = new ReloadQueue();
  readonly #pools: PoolReloads;
  readonly #limit: ReadingLimit;
  /** Those that have begun, takeovers as well, and how many of them are of all pools. */
  #underWay = 0;
  #ofAll = 0;
  /** Nothing else may begin: the files are being read, or an upgrade runs. */
  #isAlone = false;

  constructor(ports: ReloadPorts) {
    this.#ports = ports;
    this.#pools = new PoolReloads(ports.supervisor, () => this.#next());
    this.#limit = new ReadingLimit(ports.supervisor, () => this.#next());
  }

  /** @throws {FpmError} the reason; what ran before continues then. {ClientLeft} when nobody waits for it */
  reload(args: ReloadArgs, asker: Asker = OURSELVES): Promise<ReloadOutcome> {
    const asked = askedFor(args);
    const result = this.#queue.join(asked, asker, () => this.#run(asked, asker.caller));
    this.#next();
    return result;
  }

  /**
   * Runs the work when no reload and no takeover is under way; none begins before it is over. Reloads that only users of
   * pools have asked for are not waited for: how long they take, their programs decide.
   */
  upgrade(work: () => Promise<void>): Promise<void> {
    const whole = (): Promise<void> => {
      this.#queue.dropReloads(asked => notDone(asked, 'fpm-ts is being upgraded: the reload was not begun'));
      return work();
    };
    return this.#take('upgrade', () => this.#alone(whole));
  }

  /**
   * Reads the files, as a reload does, and then does the work at this pool: only reloads of this pool wait for it, and it
   * waits only for them.
   */
  takeOver<R, T>(pool: string, read: () => Promise<R>, work: (read: R) => Promise<T>): Promise<T> {
    return this.#take('takeover', async () => {
      this.#underWay++;
      try {
        const [result] = await this.#alone(async () => {
          const found = await read();
          return [this.#pools.between(pool, () => work(found))];
        });
        return await (result as Promise<T>);
      } finally {
        this.#underWay--;
        this.#next();
      }
    });
  }

  #take<T>(type: 'upgrade' | 'takeover', work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.add(type, () => void work().then(resolve, reject));
      this.#next();
    });
  }

  /** When all that the files say is in effect, they are what runs, and no reload has failed. */
  noteIfInEffect(loaded: Loaded): void {
    const { supervisor, files, record } = this.#ports;
    const wanted = { ...supervisor.config, ...supervisor.settings.wanted };
    if (reloadPlan(wanted, loaded.config).some(({ action }) => action !== 'unchanged')) return;
    files.remember(loaded.sources.files, loaded.config);
    record.mend();
  }

  /** Lets those begin that may. */
  #next(): void {
    while (!this.#isAlone) {
      if (this.#queue.hasUpgrade) this.#pools.cancelOfUsers(cancelledByUpgrade);
      const begin = this.#queue.next(it => this.#mayBegin(it), this.#underWay === 0);
      if (begin === null) return;
      begin();
    }
  }

  /**
   * As soon as one of its pools is free, or it waits with others for each of them. A reload of all has the settings of
   * fpm-ts.toml as well.
   */
  #mayBegin({ asked: { pools, dryRun }, caller }: WaitingReload): boolean {
    if (!this.#limit.mayRead(caller)) return false;
    if (dryRun || (pools === undefined && this.#ofAll === 0)) return true;
    const names = pools ?? [...this.#ports.supervisor.pools.keys()];
    return names.some(name => this.#pools.isFree(name)) || names.every(name => this.#pools.hasWaiting(name));
  }

  /** Nothing begins before this is over. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#isAlone = true;
    try {
      return await work();
    } finally {
      this.#isAlone = false;
      this.#next();
    }
  }

  async #run(asked: Asked, caller: Asker['caller']): Promise<ReloadOutcome> {
    const isOfAll = asked.pools === undefined && !asked.dryRun;
    this.#underWay++;
    if (isOfAll) this.#ofAll++;
    try {
      if (!asked.dryRun) return await this.#change(asked, caller);
      return (await this.#alone(() => this.#limit.read(caller, () => this.#read(asked)))).plan;
    } finally {
      this.#underWay--;
      if (isOfAll) this.#ofAll--;
      this.#next();
    }
  }

  async #change(asked: Asked, caller: Asker['caller']): Promise<ReloadOutcome> {
    const { supervisor, record, onPhase } = this.#ports;
    const entry = record.open();
    supervisor.changes++;
    onPhase();
    try {
      const result = await this.#apply(asked, caller, entry);
      record.end(entry, null);
      return result;
    } catch (error) {
      const shown = error instanceof FpmError ? error : new FpmError('RELOAD_FAILED', String(error));
      const isNothing = shown.code === 'NO_SUCH_POOL' || shown.code === 'POOL_STOPPED'; // it has reloaded nothing
      if (isNothing) record.drop(entry);
      else record.end(entry, shown);
      throw error;
    } finally {
      supervisor.changes--;
      onPhase();
    }
  }

  async #read(asked: Asked): Promise<Reading> {
    const { supervisor, configuration } = this.#ports;
    if (supervisor.isStopping) throw stopping(asked);
    const read = configuration.read();
    for (const name of asked.pools ?? []) {
      if (!read.config.pools.some(pool => pool.name === name)) supervisor.pool(name); // throws: unknown to both
    }
    const loaded = await configuration.check(read, { own: addressesOf(supervisor), pools: asked.pools });
    const { notices } = loaded;
    const { config } = supervisor;
    const [global] = reloadPlan({ ...config, pools: [] }, { ...loaded.config, pools: [] });
    const restarts = global?.changes.filter(({ applies }) => applies === 'restart') ?? [];
    const wanted = this.#concerned(asked, loaded);
    const pools = [...wanted].map(([name, it]) => this.#pools.plan(name, it));
    const plan = { dry_run: asked.dryRun, pools, needs_restart: restarts.map(({ key }) => key), notices };
    return { loaded, plan, wanted };
  }

  /** Of the pools that run, and those that are to run, by name: what was asked for. */
  #concerned(asked: Asked, { config, obstacles }: Loaded): Reading['wanted'] {
    const enabled = new Map(config.pools.filter(it => it.enabled).map(it => [it.name, it]));
    const names = [...new Set([...this.#ports.supervisor.pools.keys(), ...enabled.keys()])].sort();
    const concerned = asked.pools === undefined ? names : names.filter(name => asked.pools?.includes(name));
    return new Map(
      concerned.map(name => {
        const errors = obstacles.get(name);
        const obstacle = errors === undefined ? null : describeObstacle(errors);
        return [name, { config: enabled.get(name), onlyChanged: asked.changed, obstacle }];
      }),
    );
  }

  async #apply(asked: Asked, caller: Asker['caller'], entry: ReloadEntry): Promise<ReloadOutcome> {
    const { supervisor, record } = this.#ports;
    let concerned: readonly string[] = [];
    const { loaded, plan, outcomes } = await this.#alone(async () => {
      const reading = await this.#limit.read(caller, () => this.#read(asked));
      concerned = reading.plan.pools
        .filter(({ action }) => action !== 'keep' && action !== 'stopped' && action !== 'fail')
        .map(({ pool }) => pool);
      supervisor.ports.report({ type: 'reloading', pools: concerned });
      record.begin(entry, concerned);
      if (asked.pools === undefined) await this.#takeSettings(reading.loaded);
      const isOfUser = !caller.mayDoAll;
      const outcomes = [...reading.wanted].map(([name, it]) => this.#pools.reload(name, it, isOfUser));
      return { ...reading, outcomes };
    });
    const done = await Promise.all(outcomes);
    const pools = done.map(({ planned }) => planned);
    this.noteIfInEffect(loaded);
    if (supervisor.isStopping) throw stopping(asked);
    throwFailures(done);
    const stopped = pools.filter(({ action }) => action === 'stopped').map(({ pool }) => pool);
    if (asked.pools !== undefined && stopped.length > 0) throw stoppedError(stopped);
    supervisor.ports.report({ type: 'reloaded', pools: concerned });
    return { ...plan, pools, notices: [...plan.notices, ...this.#logNotices(pools)] };
  }

  /** A pool whose log cannot be opened serves. */
  #logNotices(pools: ReloadOutcome['pools']): Part[] {
    const { supervisor } = this.#ports;
    return pools.flatMap(({ pool }) => {
      const config = supervisor.pools.get(pool)?.state.config;
      const failure = config === undefined ? null : supervisor.logFiles.failureOf(config);
      return failure === null ? [] : [{ pool, file: null, text: `pool ${pool}: ${failure}` }];
    });
  }

  async #takeSettings({ config }: Loaded): Promise<void> {
    this.#ports.supervisor.settings.take(config);
    await this.#ports.onSettings();
  }
}

/** @throws {FpmError} why some did not work, which are as they were before */
function throwFailures(outcomes: readonly Outcome[]): void {
  const parts = outcomes.flatMap(({ planned: { pool }, failure }) =>
    failure === null ? [] : [{ pool, file: null, text: `pool ${pool}: ${failure}` }],
  );
  if (parts.length === 0) return;
  throw new FpmError('RELOAD_FAILED', parts.map(({ text }) => text).join('\n'), {}, parts);
}

function stopping(asked: Asked): FpmError {
  return notDone(asked, 'fpm-ts is stopping');
}

function cancelledByUpgrade(pool: string): string {
  return `an upgrade of fpm-ts cancelled this reload: \`fpm-ts reload ${pool}\` starts it again`;
}

/** Whoever has asked for these pools may read it. */
function notDone({ pools = [] }: Asked, text: string): FpmError {
  return new FpmError(
    'RELOAD_FAILED',
    text,
    {},
    pools.map(pool => ({ pool, file: null, text })),
  );
}

function stoppedError(pools: readonly string[]): FpmError {
  const names = pools.join(' ');
  const what = pools.length === 1 ? `pool ${names} is` : `pools ${pools.join(', ')} are`;
  return new FpmError(
    'POOL_STOPPED',
    `${what} stopped: the settings are read, and \`fpm-ts start ${names}\` starts with them`,
  );
}
