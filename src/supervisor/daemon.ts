/** The supervisor as a service: control socket, signals, reloads, and the end. */
import type { GlobalConfig } from '../config/types.ts';
import { ControlServer, type Handlers } from '../control/server.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import type { World } from '../keeper/protocol.ts';
import { logEvents, supervisorLogger } from '../observe/log.ts';
import { nowMs } from '../os/clock.ts';
import { identifyCaller } from './callers.ts';
import { ConfigFiles } from './config-files.ts';
import { type Loaded, settings } from './configuration.ts';
import { explanationOf } from './explain.ts';
import { Reloads } from './reload.ts';
import { ServiceReport } from './service-report.ts';
import { statusOf } from './status.ts';
import { strangersOf } from './strangers.ts';
import { Supervisor } from './supervisor.ts';
import { takeOver } from './takeover.ts';
import { Upgrades } from './upgrade.ts';
import { Upkeep } from './upkeep.ts';

/** A note: the files are to be put into effect, because there was a start. */
export const RELOAD_DUE = 'reload_due';

export class Daemon {
  readonly supervisor: Supervisor;
  readonly files: ConfigFiles;
  readonly report: ReturnType<typeof logEvents>;
  readonly #keeper: Keeper;
  readonly #world: World;
  readonly #configFile: string | null;
  readonly #reloads: Reloads;
  readonly #service: ServiceReport;
  readonly upgrades: Upgrades;
  readonly #control: ControlServer;
  readonly #upkeep: Upkeep;
  /** Resolves when everything is stopped, which a signal may bring about before `serve`. */
  readonly #stopped: Promise<void>;
  #ended: () => void = () => {};

  constructor(keeper: Keeper, world: World, config: GlobalConfig, configFile: string | null) {
    const logger = supervisorLogger(config.log.level);
    this.report = logEvents(logger);
    this.#stopped = new Promise(resolve => {
      this.#ended = resolve;
    });
    this.#keeper = keeper;
    this.#world = world;
    this.#configFile = configFile;
    this.files = new ConfigFiles(keeper);
    this.#service = new ServiceReport(keeper, () => this.supervisor);
    this.supervisor = new Supervisor(
      config,
      { keeper, report: this.report, now: nowMs, turned: atMs => this.#service.turned(atMs) },
      signal => this.#onSignal(signal),
    );
    this.#reloads = new Reloads({
      supervisor: this.supervisor,
      configFile,
      inheritedSockets: world.inheritedSockets,
      onPhase: () => this.#service.tell(),
      onLoaded: async loaded => {
        logger.level = loaded.config.log.level;
        await this.#afterReload(loaded);
      },
    });
    this.upgrades = new Upgrades({
      keeper,
      keeperPid: world.keeperPid,
      report: this.report,
      isStopping: () => this.supervisor.isStopping,
      apartFromReloads: work => this.#reloads.apart(work),
      closeControl: graceMs => {
        this.#upkeep.end();
        return this.#control.close(graceMs);
      },
      openControl: async () => {
        await this.#openControl();
        this.#upkeep.start();
      },
    });
    this.#control = new ControlServer({
      path: config.control.socket,
      handlers: this.#handlers(),
      identify: peer => identifyCaller(peer, this.supervisor.config),
      onError: error => this.report({ type: 'problem', text: `control socket: ${stackOf(error)}` }),
    });
    this.#upkeep = new Upkeep({
      pools: () => this.supervisor.facts,
      report: this.report,
      isControlInPlace: () => this.supervisor.isStopping || this.#control.isInPlace,
      restoreControl: () => this.#restoreRunDir(),
    });
  }

  /** Serves until everything is stopped. */
  async serve(): Promise<void> {
    const { supervisor } = this;
    supervisor.saveStandIn();
    await this.#openControl();
    const { include, control, runDir } = supervisor.config;
    if (!supervisor.isStopping) {
      this.report({ type: 'started', pools: supervisor.pools.size, runDir, control: control.socket });
      if (supervisor.pools.size === 0) this.report({ type: 'noPools', include: include.join(', ') });
    }
    supervisor.wake();
    this.#upkeep.start();
    void this.#announceWhenUp();
    this.#finishStops();
    await this.#stopped;
    this.#upkeep.end();
    this.report({ type: 'stopped' });
    await this.#control.close();
  }

  /** A successor goes on without it: its workers need it more than its clients do, and SIGHUP tries again. */
  async #openControl(): Promise<void> {
    try {
      await this.#control.listen();
    } catch (error) {
      if (this.#world.notes.config === undefined) throw error;
      this.report({ type: 'problem', text: `there is no control socket: ${messageOf(error)}` });
    }
  }

  /** What an earlier supervisor had begun to stop is stopped. */
  #finishStops(): void {
    const { stopping } = this.#world.notes;
    if (stopping !== undefined) void this.#stop(stopping === 'now');
    const pools = [...this.supervisor.pools.values()];
    for (const pool of pools.filter(({ facts }) => facts.isRemoved)) void this.supervisor.removePool(pool);
    const stopped = pools.filter(({ facts }) => !facts.isWanted && !facts.isRemoved);
    if (stopped.length > 0) void this.supervisor.stopPools(stopped, false);
  }

  async #announceWhenUp(): Promise<void> {
    const unapplied = await this.#reloadIfDue();
    const pools = [...this.supervisor.pools.values()];
    for (const pool of pools) await this.supervisor.untilUp(pool);
    if (this.supervisor.isStopping) return; // the keeper's end tells whoever waits
    const failed = pools.map(({ facts }) => facts).filter(({ isHopeless }) => isHopeless);
    const reasons = [
      ...(unapplied === null ? [] : [unapplied]),
      ...failed.map(({ name, lastFailure }) => `pool ${name} failed: ${lastFailure}`),
    ];
    const ok = reasons.length === 0;
    if (ok) this.report({ type: 'ready' });
    this.#service.up();
    this.#keeper.post('announce', { ok, message: reasons.join('\n'), exit: failed[0]?.lastExit ?? null });
  }

  /** @returns why the files could not be put into effect; null: they are */
  async #reloadIfDue(): Promise<string | null> {
    if (this.#world.notes[RELOAD_DUE] !== 'yes' || this.supervisor.isStopping) return null;
    try {
      await this.#reloads.reload({ changed: true });
      return null;
    } catch (error) {
      return messageOf(error); // logged where it failed; what ran before goes on
    } finally {
      this.#keeper.post('note', { name: RELOAD_DUE, text: 'no' });
    }
  }

  #handlers(): Handlers {
    const { supervisor } = this;
    return {
      status: ({ pool, processes }) => {
        const { keeperPid, startedAtMs, startedAt } = this.#world;
        return statusOf(
          supervisor,
          {
            keeperPid,
            startedAtMs,
            startedAt,
            isConfigChanged: this.files.areChanged(),
            lastUpgrade: this.upgrades.last,
          },
          { pool, withProcesses: processes !== 'no' },
        );
      },
      explain: ({ pool }) => explanationOf(supervisor.pool(pool).facts),
      reload: args => this.#reloads.reload(args),
      takeover: args =>
        this.#reloads.apart(() =>
          takeOver(args, {
            supervisor,
            configFile: this.#configFile,
            inheritedSockets: this.#world.inheritedSockets,
            keeperPid: this.#world.keeperPid,
          }),
        ),
      stop: async ({ pools, now }) => {
        const { keeperPid: pid } = this.#world;
        if (pools === undefined) {
          const stopped = [...supervisor.pools.keys()];
          const left = strangersOf(supervisor.facts);
          void this.#stop(now === true);
          return { pid, stopped, ...(left.length > 0 && { left }) };
        }
        const named = pools.map(name => supervisor.pool(name));
        const left = strangersOf(named.map(({ facts }) => facts));
        await supervisor.stopPools(named, now === true);
        return { pid, stopped: pools, ...(left.length > 0 && { left }) };
      },
      start: async ({ pools }) => {
        const named = pools.map(name => supervisor.pool(name)).filter(({ facts }) => !facts.isWanted);
        for (const pool of named) await pool.startAgain();
        supervisor.saveStandIn();
        for (const pool of named) await supervisor.untilUp(pool);
        const failed = named
          .filter(({ facts }) => facts.isHopeless)
          .map(({ name, facts }) => `pool ${name}: ${facts.lastFailure}`);
        if (failed.length > 0) throw new FpmError('POOL_FAILED', failed.join('\n'));
        return { started: pools };
      },
      scale: ({ pool, workers }) => {
        supervisor.pool(pool).scale(workers);
        return { pool, workers };
      },
      upgrade: ({ dry_run }) => this.upgrades.upgrade(dry_run === true),
      'reopen-logs': async () => {
        await this.#reopenLogs();
        return { reopened: true };
      },
    };
  }

  #onSignal(signal: NodeJS.Signals): void {
    const means = { SIGHUP: 'reload', SIGUSR2: 'reload', SIGUSR1: 'reopen logs' }[signal as string] ?? 'stop';
    this.report({ type: 'signalled', signal, means });
    if (means === 'stop') void this.#stop(this.supervisor.isStopping);
    else if (means === 'reload') void this.#reloadBySignal();
    else
      this.#reopenLogs().catch((error: unknown) => this.report({ type: 'problem', text: messageOf(error) }));
  }

  /** The way back when the run directory was removed: no client finds us then, but a signal does. */
  async #reloadBySignal(): Promise<void> {
    await this.#restoreRunDir().catch((error: unknown) =>
      this.report({ type: 'problem', text: `the control socket cannot be restored: ${messageOf(error)}` }),
    );
    await this.#reloads.reload({}).catch(() => {}); // reported where it failed
  }

  /** @throws {Error} when there is no way to it */
  async #restoreRunDir(): Promise<void> {
    if (this.supervisor.isStopping) return;
    const { pidFile, control } = this.supervisor.config;
    const { heldBy } = await this.#keeper.ask('settle', settings(this.supervisor.config));
    if (heldBy !== null) throw new Error(`pid ${heldBy} has taken the pid file ${pidFile}`);
    if (await this.#control.listen()) this.report({ type: 'controlRestored', control: control.socket });
  }

  async #stop(now: boolean): Promise<void> {
    const isFirst = !this.supervisor.isStopping;
    const left = isFirst ? strangersOf(this.supervisor.facts) : [];
    const stopped = this.supervisor.stopAll(now);
    this.#service.tell();
    await stopped;
    if (!isFirst) return;
    for (const { pool, pid, command } of left)
      this.report({
        type: 'problem',
        text: `pool ${pool}: pid ${pid} (${command}) is no worker and goes on`,
      });
    this.#ended();
  }

  async #reopenLogs(): Promise<void> {
    const { failed } = await this.#keeper.ask('reopenLogs', {});
    if (failed.length > 0) throw new FpmError('FAILED', failed.join('\n'));
    this.report({ type: 'logsReopened' });
  }

  async #afterReload({ config, sources }: Loaded): Promise<void> {
    this.files.remember(
      sources.files.map(({ path }) => path),
      config,
    );
    await this.#keeper.ask('settle', settings(config));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
