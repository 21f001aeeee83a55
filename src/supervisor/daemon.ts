/** The supervisor as a service: control socket, signals, reloads, and the end. */
import { ControlServer } from '../control/server.ts';
import type { Keeper } from '../keeper/client.ts';
import type { World } from '../keeper/protocol.ts';
import { logEvents, supervisorLogger } from '../observe/log.ts';
import { CLOCK } from '../os/clock.ts';
import type { Pool } from '../pool/pool.ts';
import { failureOf, hasGivenUp, type PoolState } from '../pool/pool-state.ts';
import { KERNEL } from '../worker/kernel.ts';
import { identifyCaller, Ranks } from './callers.ts';
import { ConfigFiles } from './config-files.ts';
import { type Configuration, configurationOf, residenceOf } from './configuration.ts';
import { controlService } from './control-service.ts';
import type { Settings } from './global-settings.ts';
import { LastReloadRecord } from './last-reload.ts';
import { Reloads } from './reload.ts';
import { finishStops } from './restore-pools.ts';
import { ServiceReport } from './service-report.ts';
import { strangersOf } from './strangers.ts';
import { Supervisor } from './supervisor.ts';
import { Upgrades } from './upgrade.ts';
import { Upkeep } from './upkeep.ts';

/** A note: the files are to be put into effect, because there was a start. */
export const RELOAD_DUE = 'reload_due';

export class Daemon {
  readonly supervisor: Supervisor;
  readonly files: ConfigFiles;
  readonly report: ReturnType<typeof logEvents>;
  readonly reloadRecord: LastReloadRecord;
  readonly #keeper: Keeper;
  readonly #world: World;
  readonly #configuration: Configuration;
  readonly #reloads: Reloads;
  readonly #service: ServiceReport;
  readonly upgrades: Upgrades;
  readonly #control: ControlServer;
  readonly #upkeep: Upkeep;
  /** Resolves when everything is stopped, which a signal may bring about before `serve`. */
  readonly #stopped: Promise<void>;
  #ended: () => void = () => {};

  constructor(keeper: Keeper, world: World, settings: Settings, configFile: string | null) {
    const logger = supervisorLogger(settings.running.log.level);
    this.report = logEvents(logger);
    this.#stopped = new Promise(resolve => {
      this.#ended = resolve;
    });
    this.#keeper = keeper;
    this.#world = world;
    this.#configuration = configurationOf(configFile, world.inheritedSockets);
    this.files = new ConfigFiles(keeper);
    this.reloadRecord = new LastReloadRecord(keeper, this.report);
    this.#service = new ServiceReport(
      keeper,
      () => this.supervisor,
      () => this.reloadRecord.last,
    );
    this.supervisor = new Supervisor(settings, {
      keeper,
      kernel: KERNEL,
      clock: CLOCK,
      report: this.report,
      turned: atMs => this.#service.turned(atMs),
      signalled: signal => this.#onSignal(signal),
    });
    this.supervisor.logFiles.restore(world.logFailures ?? []);
    this.#reloads = new Reloads({
      supervisor: this.supervisor,
      configuration: this.#configuration,
      record: this.reloadRecord,
      files: this.files,
      onPhase: () => this.#service.tell(),
      onSettings: async () => {
        logger.level = settings.running.log.level;
        keeper.post('note', settings.note);
        await this.#settle();
      },
    });
    this.upgrades = new Upgrades({
      keeper,
      keeperPid: world.keeperPid,
      report: this.report,
      isStopping: () => this.supervisor.isStopping,
      inTurn: work => this.#reloads.upgrade(work),
      closeControl: graceMs => {
        this.#upkeep.end();
        return this.#control.close(graceMs);
      },
      openControl: async () => {
        await this.#openControl();
        this.#upkeep.start();
      },
    });
    const ranks = new Ranks(
      () => settings.running,
      () => this.supervisor.config.pools,
    );
    this.#control = new ControlServer({
      path: settings.running.control.socket,
      service: controlService({
        supervisor: this.supervisor,
        world,
        configuration: this.#configuration,
        files: this.files,
        reloadRecord: this.reloadRecord,
        reloads: this.#reloads,
        upgrades: this.upgrades,
        stop: now => void this.#stop(now),
        reopenLogs: () => this.#reopenLogs(),
      }),
      identify: peer => identifyCaller(peer, settings.running, this.supervisor.config.pools),
      rankOf: peer => ranks.of(peer),
      onError: error => this.report({ type: 'problem', text: `control socket: ${stackOf(error)}` }),
    });
    this.#upkeep = new Upkeep({
      pools: () => [...this.supervisor.pools.values()].map(({ state }) => state),
      report: this.report,
      isControlInPlace: () => this.supervisor.isStopping || this.#control.isInPlace,
      restoreControl: () => this.#restoreRunDir(),
    });
  }

  /** Serves until everything is stopped. */
  async serve(): Promise<void> {
    const { supervisor } = this;
    await this.#openControl();
    const { include, control, runDir } = supervisor.settings.running;
    if (!supervisor.isStopping) {
      this.report({ type: 'started', pools: supervisor.pools.size, runDir, control: control.socket });
      if (supervisor.pools.size === 0) this.report({ type: 'noPools', include: include.join(', ') });
    }
    supervisor.wake();
    this.#upkeep.start();
    void this.#announceWhenUp();
    const { stopping } = this.#world.notes;
    if (stopping !== undefined) void this.#stop(stopping === 'now');
    finishStops(this.supervisor);
    await this.#stopped;
    this.#upkeep.end();
    this.report({ type: 'stopped' });
    await this.#control.close();
  }

  /** A successor goes on without it: its workers need it more than its clients do, and SIGHUP tries again. */
  async #openControl(): Promise<void> {
    try {
      this.#control.listen();
    } catch (error) {
      if (this.#world.notes.config === undefined) throw error;
      this.report({ type: 'problem', text: `there is no control socket: ${messageOf(error)}` });
    }
  }

  async #announceWhenUp(): Promise<void> {
    const unapplied = await this.#reloadIfDue();
    const pools = [...this.supervisor.pools.values()];
    await Promise.all(pools.map(pool => pool.untilUp()));
    if (this.supervisor.isStopping) return; // the keeper's end tells the process that waits
    const failed = pools.filter(({ state }) => hasGivenUp(state)).map(({ state }) => state);
    const reasons = [
      ...(unapplied === null ? [] : [unapplied]),
      ...failed.map(state => `pool ${state.config.name} failed: ${failureOf(state)}`),
    ];
    const ok = reasons.length === 0;
    if (ok) this.report({ type: 'ready' });
    this.#service.up();
    this.#keeper.post('announce', {
      ok,
      message: reasons.join('\n'),
      exit: failed[0]?.health.lastExit ?? null,
    });
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
    const { control } = this.supervisor.settings.running;
    await this.#settle();
    if (this.#control.isClosed) return; // an upgrade has closed it
    if (this.#control.listen()) this.report({ type: 'controlRestored', control: control.socket });
  }

  async #stop(now: boolean): Promise<void> {
    const isFirst = !this.supervisor.isStopping;
    const left = isFirst ? strangersOf(states([...this.supervisor.pools.values()])) : [];
    const stopped = this.supervisor.stopAll(now);
    this.#service.tell();
    await stopped;
    if (!isFirst) return;
    for (const { pool, pid, command } of left)
      this.report({
        type: 'problem',
        text: `pool ${pool}: pid ${pid} (${command}) is not a worker and continues`,
      });
    this.#ended();
  }

  async #reopenLogs(): Promise<string[]> {
    const warnings = await this.supervisor.logFiles.reopen(this.supervisor.config.pools);
    this.report({ type: 'logsReopened' });
    return warnings;
  }

  /** Takes the place that we have, or what was removed of it, anew. @throws {Error} when another process has it */
  async #settle(): Promise<void> {
    const { running } = this.supervisor.settings;
    const { heldBy } = await this.#keeper.ask('settle', residenceOf(running));
    if (heldBy !== null)
      throw new Error(`pid ${heldBy} has taken run_dir ${running.runDir} or the pid file ${running.pidFile}`);
  }
}

function states(pools: readonly Pool[]): PoolState[] {
  return pools.map(({ state }) => state);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
