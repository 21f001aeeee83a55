/**
 * The supervisor's loop and state: events are queued, one turn handles them, lets every pool observe, decide and
 * apply, and sets the timer for the next. What it must know after its own death it leaves with the keeper.
 */
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import type { KeeperEvent } from '../keeper/protocol.ts';
import type { Report } from '../observe/events.ts';
import { lookAtSockets } from '../observe/sockets.ts';
import type { DaemonState, LastReload } from '../observe/status.ts';
import { Pool } from '../pool/pool.ts';

/** DESIGN section 5: ten ticks a second; more while workers come and go, which are looked at until they have. */
const TICK_MS = 100;
const BUSY_TICK_MS = 20;

export interface SupervisorPorts {
  readonly keeper: Keeper;
  readonly report: Report;
  readonly now: () => number;
}

export class Supervisor {
  readonly pools = new Map<string, Pool>();
  config: GlobalConfig;
  lastReload: LastReload | null = null;
  isReloading = false;
  readonly ports: SupervisorPorts;
  readonly #queue: KeeperEvent[] = [];
  readonly #onSignal: (signal: NodeJS.Signals) => void;
  #timer: NodeJS.Timeout | null = null;
  #isTurnDue = false;
  #isStopping = false;
  /** Called after every turn until they say that what they wait for is there. */
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  constructor(config: GlobalConfig, ports: SupervisorPorts, onSignal: (signal: NodeJS.Signals) => void) {
    this.config = config;
    this.ports = ports;
    this.#onSignal = onSignal;
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
    await this.until(() => pools.every(pool => pool.isEmpty));
    for (const pool of pools) await pool.close();
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

  /** Leaves with the keeper what is in effect. */
  saveConfig(): void {
    this.ports.keeper.post('note', { name: 'config', text: JSON.stringify(this.config) });
  }

  saveLastReload(): void {
    this.ports.keeper.post('note', { name: 'last_reload', text: JSON.stringify(this.lastReload) });
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const event of this.#queue.splice(0)) this.#handle(event);
    const pools = [...this.pools.values()];
    const looks = lookAtSockets(pools.flatMap(pool => pool.watched));
    for (const pool of pools) pool.turn(looks, this.#allowance());
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      if (!isMet()) return true;
      resolve();
      return false;
    });
    this.#timer = setTimeout(() => this.wake(), pools.some(pool => pool.isBusy) ? BUSY_TICK_MS : TICK_MS);
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
    const isOurs = [...this.pools.values()].some(pool => pool.workers.has(event.pid));
    if (!isOurs && event.event === 'gone') this.ports.keeper.post('acknowledge', { pid: event.pid });
    // A pid belongs to one pool; the others ignore it.
    for (const pool of this.pools.values()) {
      if (event.event === 'exited') pool.exited(event.pid, event.exit);
      else pool.gone(event.pid);
    }
  }

  /** How many more processes `process.max` allows. */
  #allowance(): number {
    const { max } = this.config.process;
    if (max === 0) return Number.POSITIVE_INFINITY;
    let running = 0;
    for (const pool of this.pools.values()) running += pool.processCount;
    return Math.max(0, max - running);
  }
}

function isComingUp(pool: Pool): boolean {
  return pool.isWanted && !pool.hasBeenWhole && !pool.isHopeless;
}
