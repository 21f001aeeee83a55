/**
 * The supervisor's loop: events of the keeper are handed to the pools they concern, pools whose turn is due observe,
 * reconcile and apply, and the timer is set for the next. What it must know after its own death it leaves with the
 * keeper.
 */
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import { ListenBatch } from '../keeper/listen-batch.ts';
import { poolNoteName } from '../keeper/notes.ts';
import type { KeeperEvent } from '../keeper/protocol.ts';
import type { Report } from '../observe/events.ts';
import { FreeMemoryWatch } from '../observe/free-memory.ts';
import type { DaemonState } from '../observe/status.ts';
import type { Clock } from '../os/clock.ts';
import { NO_LIMITS, type SharedLimits } from '../pool/observation.ts';
import { Pool } from '../pool/pool.ts';
import { isComingUp } from '../pool/pool-state.ts';
import { share } from '../pool/scaling/share.ts';
import type { Kernel } from '../worker/kernel.ts';
import { Eyesight } from './eyesight.ts';
import type { Settings } from './global-settings.ts';
import { LogFiles } from './log-files.ts';

/** The keeper hears of us at least so often. */
const LONGEST_PAUSE_MS = 1000;
/** How often pools are asked for workers that others need. */
const RETURN_EVERY_MS = 100;

export interface SupervisorPorts {
  readonly keeper: Keeper;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly report: Report;
  /** A turn is over: the loop goes round. */
  readonly turned: (nowMs: number) => void;
  readonly signalled: (signal: NodeJS.Signals) => void;
}

export class Supervisor {
  readonly pools = new Map<string, Pool>();
  readonly ports: SupervisorPorts;
  readonly settings: Settings;
  readonly logFiles: LogFiles;
  /** Reloads and takeovers under way. */
  changes = 0;
  readonly #keeper: Keeper;
  /** Whose worker a process is. */
  readonly #owners = new Map<number, Pool>();
  /** null: process.min_free_memory is not set. */
  #freeMemory: { readonly bytes: number; readonly watch: FreeMemoryWatch } | null = null;
  #queue: KeeperEvent[] = [];
  readonly #eyesight: Eyesight;
  /** Pools of whose workers others need some for their share of process.max. */
  #returning: ReadonlySet<Pool> = new Set();
  #cancelTimer: () => void = () => {};
  #isTurnDue = false;
  #isStopping = false;

  constructor(settings: Settings, ports: SupervisorPorts) {
    this.settings = settings;
    this.ports = ports;
    this.#keeper = new ListenBatch(ports.keeper);
    this.logFiles = new LogFiles(ports.keeper);
    this.#eyesight = new Eyesight(ports.kernel, ports.report);
  }

  /** What is in effect: the settings of fpm-ts.toml, and each pool's own. */
  get config(): GlobalConfig {
    return {
      ...this.settings.running,
      pools: [...this.pools.values()].map(({ state }) => state.config),
    };
  }

  get state(): DaemonState {
    if (this.#isStopping) return 'stopping';
    if (this.changes > 0) return 'reloading';
    return [...this.pools.values()].some(({ state }) => isComingUp(state)) ? 'starting' : 'running';
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Takes an event of the keeper; it is handled in the next turn, after what is under way. */
  enqueue(event: KeeperEvent): void {
    this.#queue.push(event);
    this.wake();
  }

  /** Lets the next turn come now. */
  wake(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.ports.clock.soon(() => this.#turn());
  }

  /** @throws {FpmError} NO_SUCH_POOL */
  pool(name: string): Pool {
    const pool = this.pools.get(name);
    if (pool !== undefined) return pool;
    const known = [...this.pools.keys()].join(', ') || 'none';
    throw new FpmError('NO_SUCH_POOL', `there is no pool ${name}; there are: ${known}`);
  }

  /** A pool of the configuration, not started yet. */
  addPool(config: PoolConfig): Pool {
    const { kernel, clock, report } = this.ports;
    const pool: Pool = new Pool(config, {
      keeper: this.#keeper,
      kernel,
      report,
      now: () => clock.nowMs(),
      wake: () => this.wake(),
      own: pids => {
        for (const pid of pids) this.#owners.set(pid, pool);
      },
    });
    this.pools.set(config.name, pool);
    return pool;
  }

  /** It is no part of the configuration any more: it is stopped, and forgotten. */
  async removePool(pool: Pool): Promise<void> {
    await pool.remove();
    this.forgetPool(pool);
  }

  /** Nothing of it is left. */
  forgetPool(pool: Pool): void {
    if (this.pools.get(pool.name) === pool) this.pools.delete(pool.name);
    this.#keeper.post('note', { name: poolNoteName(pool.name), text: null });
  }

  /** Stops everything. A second call with `now` cuts a graceful stop short. */
  async stopAll(now: boolean): Promise<void> {
    if (this.#isStopping && !now) return;
    this.#isStopping = true;
    this.#keeper.post('note', { name: 'stopping', text: now ? 'now' : 'gracefully' });
    this.ports.report({ type: 'stopping', now });
    await Promise.all([...this.pools.values()].map(pool => pool.stop(now)));
  }

  /** Whether so many more workers may be started beside those that the pools call for. */
  hasRoomFor(workers: number): boolean {
    const { room, memoryShort } = this.#limits([...this.pools.values()], this.ports.clock.nowMs()).all;
    return room >= workers && memoryShort === null;
  }

  #turn(): void {
    this.#isTurnDue = false;
    this.#cancelTimer();
    const events = this.#queue;
    this.#queue = [];
    for (const event of events) this.#handle(event);
    const nowMs = this.ports.clock.nowMs();
    this.#takeTurns(nowMs);
    this.ports.turned(nowMs);
    if (this.#isTurnDue) return;
    let dueAtMs = nowMs + (this.#returning.size > 0 ? RETURN_EVERY_MS : LONGEST_PAUSE_MS);
    for (const pool of this.pools.values()) dueAtMs = Math.min(dueAtMs, pool.dueAtMs);
    const { clock } = this.ports;
    this.#cancelTimer = clock.after(Math.max(1, dueAtMs - clock.nowMs()), () => this.wake());
  }

  /** Only pools whose turn is due cost anything. */
  #takeTurns(nowMs: number): void {
    const pools = [...this.pools.values()];
    const isBlind = pools.length > 0 && !this.#eyesight.isThere();
    const due = pools.filter(pool => pool.dueAtMs <= nowMs || this.#returning.has(pool));
    if (due.length === 0) return;
    const watched = isBlind ? [] : due.flatMap(pool => pool.watched(nowMs));
    const looks = this.ports.kernel.lookAtSockets(watched);
    for (const pool of due) pool.observe(looks, isBlind);
    const limits = this.#limits(pools, nowMs);
    for (const pool of due) limits.take(pool, pool.act(limits.of(pool)));
    this.#returning = new Set(pools.filter(pool => limits.of(pool).allowance < 0));
  }

  #handle(event: KeeperEvent): void {
    switch (event.event) {
      case 'signalled':
        this.ports.signalled(event.signal);
        break;
      case 'poolLog':
        this.logFiles.tell(event.file, event.failure);
        break;
      case 'knocked': {
        const at = event.id.lastIndexOf('#');
        const number = Number(event.id.slice(at + 1));
        this.pools.get(event.id.slice(0, at))?.tell({ type: 'knocked', number });
        break;
      }
      case 'exited':
        this.#owners.get(event.pid)?.tell({ type: 'exited', pid: event.pid, exit: event.exit });
        break;
      case 'gone': {
        const owner = this.#owners.get(event.pid);
        this.#owners.delete(event.pid);
        if (owner !== undefined) owner.tell({ type: 'gone', pid: event.pid });
        else this.#keeper.post('acknowledge', { pid: event.pid, note: null });
        break;
      }
    }
  }

  /** What process.max and process.min_free_memory leave to each pool. */
  #limits(pools: readonly Pool[], nowMs: number): Limits {
    const { max, minFreeMemoryBytes } = this.settings.running.process;
    const memoryShort = this.#watchMemory(minFreeMemoryBytes);
    if (max === 0) return new Limits({ ...NO_LIMITS, memoryShort }, new Map());
    const claims = pools.map(pool => pool.claim(nowMs));
    const allowances = share(max, claims);
    const room = claims.reduce((left, { present, leaving }) => left - present - leaving, max);
    const byPool = new Map(pools.map((pool, place) => [pool, allowances[place] ?? 0]));
    return new Limits({ allowance: 0, room: Math.max(0, room), memoryShort }, byPool);
  }

  #watchMemory(bytes: number): string | null {
    if (bytes !== (this.#freeMemory?.bytes ?? 0)) {
      this.#freeMemory?.watch.stop();
      this.#freeMemory = bytes === 0 ? null : { bytes, watch: new FreeMemoryWatch(bytes) };
    }
    return this.#freeMemory?.watch.short ?? null;
  }
}

/** What is left for each pool in a turn: pools that take theirs leave less to those after them. */
class Limits {
  readonly all: SharedLimits;
  readonly #allowances: ReadonlyMap<Pool, number>;
  /** Places that no pool's share of process.max has claimed. */
  #spare: number;

  constructor(all: SharedLimits, allowances: ReadonlyMap<Pool, number>) {
    this.all = all;
    this.#allowances = allowances;
    let granted = 0;
    for (const allowance of allowances.values()) granted += Math.max(0, allowance);
    this.#spare = all.room - granted;
  }

  of(pool: Pool): SharedLimits {
    const allowance = this.#allowances.get(pool);
    if (allowance === undefined) return this.all;
    return { ...this.all, allowance, room: Math.max(0, allowance) + Math.max(0, this.#spare) };
  }

  /** @param started processes that the pool has asked for in its turn */
  take(pool: Pool, started: number): void {
    this.#spare -= Math.max(0, started - Math.max(0, this.#allowances.get(pool) ?? started));
  }
}
