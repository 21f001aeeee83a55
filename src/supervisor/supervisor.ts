/**
 * The supervisor's loop and state: events are queued, one turn handles them, lets every pool observe, decide and
 * apply, and sets the timer for the next. What it must know after its own death it leaves with the keeper.
 */
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import { EXIT, FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import { STAND_IN } from '../keeper/notes.ts';
import type { Ask, KeeperEvent } from '../keeper/protocol.ts';
import type { Report } from '../observe/events.ts';
import { FreeMemoryWatch } from '../observe/free-memory.ts';
import { lookAtSockets } from '../observe/sockets.ts';
import type { DaemonState, LastReload } from '../observe/status.ts';
import { Pool } from '../pool/pool.ts';
import type { PoolFacts } from '../pool/pool-facts.ts';
import { share } from '../pool/scaling/share.ts';
import type { SharedLimits } from '../pool/steering.ts';
import { Eyesight } from './eyesight.ts';
import { standInNote } from './stand-in.ts';

/** DESIGN section 5: ten ticks a second; more while workers come and go, which are looked at until they have. */
const TICK_MS = 100;
const BUSY_TICK_MS = 20;

interface ReloadNote {
  readonly last: LastReload | null;
  readonly isUnderWay: boolean;
}

export interface SupervisorPorts {
  readonly keeper: Keeper;
  readonly report: Report;
  readonly now: () => number;
  /** A turn is over: the loop goes round. */
  readonly turned: (nowMs: number) => void;
}

export class Supervisor {
  readonly pools = new Map<string, Pool>();
  lastReload: LastReload | null = null;
  isReloading = false;
  readonly ports: SupervisorPorts;
  #config: GlobalConfig;
  /** null: process.min_free_memory is not set. */
  #freeMemory: FreeMemoryWatch | null = null;
  readonly #queue: KeeperEvent[] = [];
  readonly #onSignal: (signal: NodeJS.Signals) => void;
  readonly #eyesight: Eyesight;
  #timer: NodeJS.Timeout | null = null;
  #isTurnDue = false;
  #isStopping = false;
  /** Called after every turn until they say that what they wait for is there. */
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  constructor(config: GlobalConfig, ports: SupervisorPorts, onSignal: (signal: NodeJS.Signals) => void) {
    this.#config = config;
    this.config = config;
    this.ports = ports;
    this.#eyesight = new Eyesight(ports.report);
    this.#onSignal = onSignal;
  }

  /** What is in effect. */
  get config(): GlobalConfig {
    return this.#config;
  }

  set config(config: GlobalConfig) {
    const { minFreeMemoryBytes } = config.process;
    const isWatched =
      this.#freeMemory !== null && minFreeMemoryBytes === this.#config.process.minFreeMemoryBytes;
    this.#config = config;
    if (isWatched) return;
    this.#freeMemory?.stop();
    this.#freeMemory = minFreeMemoryBytes === 0 ? null : new FreeMemoryWatch(minFreeMemoryBytes);
  }

  /** What there is to know of every pool. */
  get facts(): PoolFacts[] {
    return [...this.pools.values()].map(({ facts }) => facts);
  }

  get state(): DaemonState {
    if (this.#isStopping) return 'stopping';
    if (this.isReloading) return 'reloading';
    return [...this.pools.values()].some(isComingUp) ? 'starting' : 'running';
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
    setImmediate(() => this.#turn());
  }

  /** @throws {FpmError} NO_SUCH_POOL */
  pool(name: string): Pool {
    const pool = this.pools.get(name);
    if (pool !== undefined) return pool;
    const known = [...this.pools.keys()].join(', ') || 'none';
    throw new FpmError('NO_SUCH_POOL', `there is no pool ${name}; there are: ${known}`);
  }

  /** A pool of the configuration, not opened yet. */
  addPool(config: PoolConfig): Pool {
    const pool = new Pool(config, {
      ...this.ports,
      wake: () => this.wake(),
      until: isMet => this.until(isMet),
    });
    this.pools.set(config.name, pool);
    return pool;
  }

  /** Waits, turn by turn, until the condition holds. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise(resolve => {
      this.#waiting.push({ isMet, resolve });
      this.wake();
    });
  }

  /** Until a pool that was started is whole, or it is clear that it will not be. */
  async untilUp(pool: Pool): Promise<void> {
    await this.until(() => !isComingUp(pool));
  }

  /** Stops these pools; the others go on. */
  async stopPools(pools: readonly Pool[], now: boolean): Promise<void> {
    for (const pool of pools) pool.stop(now);
    this.saveStandIn();
    await this.#closed(pools);
  }

  /** It is no part of the configuration any more. */
  async removePool(pool: Pool): Promise<void> {
    pool.remove();
    await this.#closed([pool]);
    this.pools.delete(pool.name);
    await this.keep(this.config);
  }

  /** Stops everything. A second call with `now` cuts a graceful stop short. */
  async stopAll(now: boolean): Promise<void> {
    const pools = [...this.pools.values()];
    const isFirst = !this.#isStopping;
    if (!isFirst && !now) return;
    this.#isStopping = true;
    this.ports.keeper.post('note', { name: 'stopping', text: now ? 'now' : 'gracefully' });
    this.ports.report({ type: 'stopping', now });
    if (!isFirst) for (const pool of pools) pool.stop(now);
    else await this.stopPools(pools, now);
  }

  /**
   * What every pool has by now is in effect, under these global settings. When that is left with the keeper, all that
   * was asked of it before is done, too: listeners are published.
   */
  async keep(globals: GlobalConfig): Promise<void> {
    this.config = { ...globals, pools: this.facts.map(({ config }) => config) };
    this.saveStandIn();
    await this.ports.keeper.ask('note', this.#configNote());
  }

  /** Leaves with the keeper what it is to show of the pools when no supervisor stays alive. */
  saveStandIn(): void {
    const text = JSON.stringify(standInNote(this.config, this.facts));
    this.ports.keeper.post('note', { name: STAND_IN, text });
  }

  /** Leaves with the keeper what is in effect. */
  saveConfig(): void {
    this.ports.keeper.post('note', this.#configNote());
  }

  #configNote(): Ask<'note'> {
    return { name: 'config', text: JSON.stringify(this.config) };
  }

  /**
   * A reload is under way: should we die before its end, the next supervisor says so. Of one that leaves every pool as
   * it is, such as that after an adoption mostly is, there is nothing to be said.
   */
  beginReload(pools: readonly string[]): void {
    if (pools.length === 0) return;
    const message = `the supervisor died while it reloaded ${pools.join(', ')}: each of them is as it was or as the files said then; \`fpm-ts reload\` brings all to what they say`;
    this.#saveReload({ at: new Date().toISOString(), ok: false, code: EXIT.failed, message }, true);
  }

  saveLastReload(): void {
    this.#saveReload(this.lastReload, false);
  }

  /** @param note what an earlier supervisor left */
  restoreReload(note: string | undefined): void {
    if (note === undefined) return;
    const { last, isUnderWay } = JSON.parse(note) as ReloadNote;
    this.lastReload = last;
    if (!isUnderWay || last === null) return;
    this.ports.report({ type: 'reloadFailed', message: last.message });
    this.saveLastReload();
  }

  #saveReload(last: LastReload | null, isUnderWay: boolean): void {
    const note: ReloadNote = { last, isUnderWay };
    this.ports.keeper.post('note', { name: 'last_reload', text: JSON.stringify(note) });
  }

  async #closed(pools: readonly Pool[]): Promise<void> {
    await this.until(() => pools.every(({ facts }) => facts.isEmpty));
    for (const pool of pools) await pool.close();
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const event of this.#queue.splice(0)) this.#handle(event);
    const pools = [...this.pools.values()];
    if (this.#eyesight.isThere()) this.#observeAndDecide(pools);
    this.ports.turned(this.ports.now());
    this.#timer = setTimeout(() => this.wake(), pools.some(pool => pool.isHurried) ? BUSY_TICK_MS : TICK_MS);
  }

  #observeAndDecide(pools: readonly Pool[]): void {
    const nowMs = this.ports.now();
    const looks = lookAtSockets(pools.flatMap(pool => pool.watched(nowMs)));
    const limits = this.#limits(pools);
    for (const [i, pool] of pools.entries()) pool.turn(looks, limits(i));
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      if (!isMet()) return true;
      resolve();
      return false;
    });
  }

  #handle(event: KeeperEvent): void {
    if (event.event === 'signalled') {
      this.#onSignal(event.signal);
      return;
    }
    if (event.event === 'knocked') {
      for (const pool of this.pools.values()) pool.knocked(event.id);
      return;
    }
    const isOurs = [...this.pools.values()].some(({ facts }) => facts.workers.has(event.pid));
    if (!isOurs && event.event === 'gone')
      this.ports.keeper.post('acknowledge', { pid: event.pid, note: null });
    // A pid belongs to one pool; the others ignore it.
    for (const pool of this.pools.values()) {
      if (event.event === 'exited') pool.exited(event.pid, event.exit);
      else pool.gone(event.pid);
    }
  }

  /** What process.max and process.min_free_memory leave to each pool, by its place. */
  #limits(pools: readonly Pool[]): (place: number) => SharedLimits {
    const { max } = this.#config.process;
    const memoryShort = this.#freeMemory?.short ?? null;
    if (max === 0) return () => ({ allowance: Infinity, room: Infinity, memoryShort });
    const claims = pools.map(pool => pool.claim());
    const allowances = share(max, claims);
    const room = claims.reduce((left, { present, leaving }) => left - present - leaving, max);
    return place => ({ allowance: allowances[place] ?? 0, room: Math.max(0, room), memoryShort });
  }
}

function isComingUp({ facts }: Pool): boolean {
  return facts.isWanted && !facts.hasBeenWhole && !facts.isHopeless;
}
