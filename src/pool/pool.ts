/**
 * A pool from outside: its commands, one after the other, and its turns. Data flows one way: what happens and what is
 * seen (observation/) goes into `reconcile`, which makes the next state and says what is to be done (apply.ts).
 */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import { type Keeper, KeeperError } from '../keeper/client.ts';
import type { ListenerState, WorkerState } from '../keeper/protocol.ts';
import type { PoolEvent } from '../observe/events.ts';
import type { Watched } from '../observe/sockets.ts';
import { LookBudget } from '../os/look-budget.ts';
import { type Kernel, withBudget } from '../worker/kernel.ts';
import { Apply } from './apply.ts';
import { claimFor } from './autoscale.ts';
import { CommandQueue } from './command-queue.ts';
import { DecisionLog } from './decision-log.ts';
import type { LoadMeter } from './observation/load-meter.ts';
import { type Looks, Observer } from './observation/observer.ts';
import type { ForeignSocket, News, Observation, SharedLimits } from './observation.ts';
import { listenerId } from './pool-listener.ts';
import type { PoolNote } from './pool-note.ts';
import {
  failureOf,
  hasGivenUp,
  heldSize,
  isClosed,
  isComingUp,
  isObstructed,
  isWanted,
  newPool,
  type PoolState,
  type RolloutResult,
} from './pool-state.ts';
import { absorb, reconcile, type Turn } from './reconcile.ts';
import { isRecycling } from './recycle.ts';
import { isCalm, isFixed, nextLook, onGrid } from './rest.ts';
import { restorePool } from './restored-pool.ts';
import type { Claim } from './scaling/share.ts';

export interface PoolPorts {
  readonly keeper: Keeper;
  readonly kernel: Kernel;
  readonly report: (event: PoolEvent) => void;
  readonly now: () => number;
  /** The pool has something to do now. */
  readonly wake: () => void;
  /** These processes are the pool's. */
  readonly own: (pids: readonly number[]) => void;
}

interface Waiter {
  readonly isMet: (state: PoolState) => boolean;
  readonly resolve: () => void;
}

export class Pool {
  readonly name: string;
  /** What was decided lately, and why. */
  readonly log = new DecisionLog();
  readonly #ports: PoolPorts;
  readonly #observer: Observer;
  readonly #apply: Apply;
  readonly #queue = new CommandQueue();
  /** Of all looks into its workers. */
  readonly #budget = new LookBudget();
  readonly #kernel: Kernel;
  #state: PoolState;
  /** What was seen in the first half of a turn. */
  #seen: Observation | null = null;
  #news: News[] = [];
  /** How often a glance is enough; null: it is not. */
  #glanceEveryMs: number | null = null;
  /** The listener that the keeper watches for a connection; null: none. */
  #watched: number | null = null;
  #waiters: Waiter[] = [];
  #dueAtMs = 0;
  /** What the last turn saw, when it changed nothing; null: it did. */
  #calm: { readonly load: Observation['load']; readonly second: number } | null = null;
  /** The settings for the reload that waits. */
  #nextConfig: PoolConfig;

  constructor(config: PoolConfig, ports: PoolPorts) {
    this.name = config.name;
    this.#state = newPool(config);
    this.#nextConfig = config;
    this.#ports = ports;
    const { keeper, report, now, own } = ports;
    const kernel = withBudget(ports.kernel, this.#budget);
    this.#observer = new Observer(kernel, this.#budget);
    this.#kernel = kernel;
    const news = (it: News): void => this.tell(it);
    this.#apply = new Apply(this.name, { keeper, kernel, report, now, own, log: this.log, news });
  }

  get state(): PoolState {
    return this.#state;
  }

  /** What was seen of its connections. */
  get meter(): LoadMeter {
    return this.#observer.meter;
  }

  /** The connections that one of its workers has; null: it cannot be told. */
  connectionsOf(pid: number, accepted: ReadonlySet<number>): readonly number[] | null {
    this.#budget.refill(this.#state.workers.size, this.#ports.now());
    return this.#kernel.connectionsOf(pid, accepted);
  }

  // Turns

  /** Something has happened; the next turn comes now. */
  tell(news: News): void {
    this.#news.push(news);
    if (news.type === 'knocked') this.#watched = null;
    this.#dueAtMs = 0;
    this.#ports.wake();
  }

  /** When its next turn is due, by the supervisor's clock; Infinity: when something happens. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** What the next look at the kernel's tables should tell about. */
  watched(nowMs: number): readonly Watched[] {
    return this.#observer.watched(this.#state, this.#news, nowMs);
  }

  /** What it asks of `process.max`. */
  claim(nowMs: number): Claim {
    return claimFor(this.#state, this.#observer.load, nowMs);
  }

  /** The first half of a turn: looks, and takes what has happened. @param isBlind nothing can be looked at */
  observe(looks: Looks, isBlind: boolean): void {
    const nowMs = this.#ports.now();
    if (this.#isDeserted(looks, isBlind, nowMs)) return;
    this.#budget.refill(this.#state.workers.size, nowMs);
    const news = this.#news.splice(0);
    const seen = this.#observer.observe(this.#state, news, looks, isBlind, nowMs);
    this.#seen = seen;
    if (news.length > 0) this.#do(absorb(this.#state, seen));
  }

  /** Nobody was there and nothing has happened: a glance shows whether that is so still. */
  #isDeserted(looks: Looks, isBlind: boolean, nowMs: number): boolean {
    if (this.#glanceEveryMs === null || isBlind || this.#news.length > 0) return false;
    if (!this.#observer.isDeserted(this.#state, looks, nowMs)) return false;
    this.#dueAtMs = onGrid(nowMs, this.#glanceEveryMs);
    return true;
  }

  /** The second half: decides and acts. @returns how many processes it has asked for */
  act(limits: SharedLimits): number {
    const seen = this.#seen;
    this.#seen = null;
    if (seen === null) {
      if (limits.allowance < 0) this.#glanceEveryMs = null; // others need some of its workers: the next turn is a whole one
      return 0;
    }
    let started = 0;
    if (seen.news.length > 0 || !this.#isAsBefore(seen, limits)) {
      const { actions } = this.#do(reconcile(this.#state, seen, limits));
      for (const action of actions) if (action.type === 'spawn') started += action.count;
      const isCalmNow = !seen.isBlind && actions.length === 0 && isCalm(this.#state);
      this.#calm = isCalmNow ? { load: seen.load, second: secondOf(seen.nowMs) } : null;
      this.#apply.save(this.#state);
    }
    this.#schedule(seen);
    this.#settleWaiters();
    return started;
  }

  #do(turn: Turn): Turn {
    this.#state = turn.state;
    for (const action of turn.actions) this.#apply.do(action);
    return turn;
  }

  #schedule(seen: Observation): void {
    if (this.#news.length > 0 || seen.isBehind) {
      this.#dueAtMs = 0;
      this.#ports.wake();
      return;
    }
    const { atMs, isWatched, glanceEveryMs } = nextLook(this.#state, seen);
    this.#dueAtMs = atMs;
    this.#glanceEveryMs = glanceEveryMs;
    const { listener } = this.#state;
    const number = isWatched && listener !== null ? listener.number : null;
    if (number !== null && number !== this.#watched)
      this.#ports.keeper.post('watch', { id: listenerId(this.name, number) });
    this.#watched = number;
  }

  #settleWaiters(): void {
    if (this.#news.length > 0 || this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ isMet }) => !isMet(this.#state));
    for (const { isMet, resolve } of waiters) if (isMet(this.#state)) resolve();
  }

  /**
   * The load is what it was when the last decision changed nothing, so the next would change nothing either. A load is
   * decided anew each second all the same: how high it was lately counts when it ends.
   */
  #isAsBefore(seen: Observation, { allowance, memoryShort }: SharedLimits): boolean {
    const { load, nowMs, longRequests, queueFull } = seen;
    if (this.#calm === null || allowance < 0 || memoryShort !== null || queueFull !== null) return false;
    if ((longRequests?.length ?? 0) > 0 || this.#state.reported.size > 0) return false;
    const { load: before, second } = this.#calm;
    if (load?.accepted !== before?.accepted || load?.waiting !== before?.waiting) return false;
    if (second === secondOf(nowMs)) return true;
    const isNobody = load !== null && load.accepted + load.waiting === 0;
    return (isNobody || isFixed(this.#state)) && !isRecycling(this.#state);
  }

  /** Waits, turn by turn, until the condition holds. @throws {Error} the reason of the signal, when it is aborted */
  until(isMet: (state: PoolState) => boolean, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#news.length === 0 && isMet(this.#state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { isMet, resolve };
      this.#waiters.push(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiters = this.#waiters.filter(it => it !== waiter);
        reject(signal.reason as Error);
      });
      this.#ports.wake();
    });
  }

  /** Until it is clear whether it comes up. */
  untilUp(): Promise<void> {
    return this.until(state => !isComingUp(state));
  }

  // Commands

  /** Leaves with the keeper that it is to run, before anything of it does; or why it is not tried. */
  announce(obstacle: string | null): void {
    this.#apply.save({ ...this.#state, desired: 'running', obstacle });
  }

  /**
   * Starts it; done when it has its size.
   * @param isOnTrial a reload adds it: until it has come up it is given up should the supervisor die
   * @throws {FpmError} POOL_FAILED when the address cannot be had, or its workers do not come up: it tries on then
   */
  start(isOnTrial = false): Promise<void> {
    const joined = this.#queue.current === 'start' ? this.#queue.outcome : this.#queue.waiting('start');
    if (joined !== null) return joined as Promise<void>;
    return this.#queue.run('start', async signal => {
      if (!isWanted(this.#state) || isObstructed(this.#state)) this.tell({ type: 'start', isOnTrial });
      await this.#untilUp(signal);
      if (isOnTrial) this.tell({ type: 'admit' });
      await this.until(() => true, signal);
    });
  }

  /** @throws {FpmError} POOL_FAILED when it does not come up */
  async #untilUp(signal: AbortSignal): Promise<void> {
    await this.until(state => !isComingUp(state), signal);
    const { config, openFailure } = this.#state;
    const isLost = !isWanted(this.#state) && openFailure !== null;
    if (!isLost && !hasGivenUp(this.#state)) return;
    const reason = isLost ? `it cannot listen: ${openFailure.message}` : failureOf(this.#state);
    throw new FpmError('POOL_FAILED', `pool ${this.name}: ${reason}`, { file: config.file });
  }

  /**
   * What its settings need is not there: it has failed, and is not tried before a start or a reload. One that has come
   * up meanwhile continues.
   */
  obstruct(reason: string): void {
    this.tell({ type: 'obstruct', reason });
  }

  /** Until it listens, once `start` was called. @throws {FpmError} POOL_FAILED when it cannot, or must not be tried */
  async untilListening(): Promise<void> {
    await this.until(state => state.listening === 'open' || isObstructed(state) || !isWanted(state));
    const { config } = this.#state;
    if (!isObstructed(this.#state)) return;
    throw new FpmError('POOL_FAILED', `pool ${this.name}: ${failureOf(this.#state)}`, { file: config.file });
  }

  /**
   * Sends the workers away; done when nothing of it is left.
   * @param now requests in flight are aborted
   */
  stop(now: boolean): Promise<void> {
    return this.#end(
      { type: 'stop', now },
      new FpmError('FAILED', `pool ${this.name} was stopped meanwhile`),
    );
  }

  /** As `stop`, and it does not come back: no command is taken any more. */
  async remove(): Promise<void> {
    const reason = new FpmError('NO_SUCH_POOL', `pool ${this.name} was removed from the configuration`);
    const ended = this.#end({ type: 'remove' }, reason);
    this.#queue.close(reason);
    await ended;
  }

  #end(command: Extract<News, { type: 'stop' | 'remove' }>, reason: FpmError): Promise<void> {
    const joined = this.#queue.current === 'stop' ? this.#queue.outcome : this.#queue.waiting('stop');
    if (joined !== null) {
      this.#queue.giveUp(reason);
      this.tell(command);
      return joined as Promise<void>;
    }
    return this.#queue.preempt(reason, 'stop', async () => {
      this.tell(command);
      await this.until(isClosed);
    });
  }

  /** Until the next reload it has so many workers. @throws {FpmError} POOL_STOPPED, POOL_PAUSED */
  scale(size: number): Promise<void> {
    return this.#queue.run('scale', async signal => {
      this.#mustRun();
      if (this.#state.pausedAt !== null)
        throw new FpmError(
          'POOL_PAUSED',
          `pool ${this.name} is paused and keeps its number of workers: \`fpm-ts resume ${this.name}\` comes first`,
        );
      this.tell({ type: 'scale', size });
      await this.until(() => true, signal);
    });
  }

  /**
   * Keeps so many workers as there are, until it is resumed or stopped.
   * @returns how many
   * @throws {FpmError} POOL_STOPPED, POOL_FAILED
   */
  pause(): Promise<number> {
    return this.#queue.run('pause', async signal => {
      this.#mustRun();
      this.tell({ type: 'pause' });
      await this.until(() => true, signal);
      return heldSize(this.#state) ?? 0;
    });
  }

  /** @throws {FpmError} POOL_STOPPED, POOL_FAILED */
  resume(): Promise<void> {
    return this.#queue.run('pause', async signal => {
      this.#mustRun();
      this.tell({ type: 'resume' });
      await this.until(() => true, signal);
    });
  }

  /** Takes settings that need no new workers. */
  reconfigure(config: PoolConfig): Promise<void> {
    return this.#queue.run('reconfigure', async signal => {
      this.tell({ type: 'reconfigure', config });
      await this.until(() => true, signal);
    });
  }

  /**
   * Starts a new generation beside the serving one; when all of it is ready it takes over. One that waits takes these
   * settings as well.
   * @returns `stopped`: it is, and takes the settings when it is started
   */
  reload(config: PoolConfig): Promise<RolloutResult | 'stopped'> {
    this.#nextConfig = config;
    const joined = this.#queue.waiting('reload');
    if (joined !== null) return joined as Promise<RolloutResult | 'stopped'>;
    return this.#queue.run('reload', async signal => {
      const wanted = this.#nextConfig;
      if (!isWanted(this.#state)) {
        this.tell({ type: 'reconfigure', config: wanted });
        await this.until(() => true, signal);
        return 'stopped' as const;
      }
      if (isObstructed(this.#state)) return await this.#startAnew(wanted, signal);
      return await this.#roll(wanted, signal);
    });
  }

  /**
   * Ends the reload that waits or is under way: its new workers are sent away, and those that serve stay.
   * @returns false: it cannot be ended, because clients reach the new workers already or are about to
   */
  cancelReload(reason: string): boolean {
    if (this.#state.rollout?.phase === 'publishing') return false;
    this.#queue.cancel('reload', new FpmError('RELOAD_FAILED', reason));
    this.tell({ type: 'cancelRollout', reason });
    return true;
  }

  /**
   * Takes over from another program that listens at its address: workers come up beside it, and when all of them are
   * ready, new connections come to them.
   * @returns why the workers did not come up; the other program then has everything as before
   * @throws {KeeperError} when the socket cannot be had
   */
  takeOver(config: PoolConfig, foreign: ForeignSocket): Promise<RolloutResult> {
    return this.#queue.run('takeover', async signal => {
      this.tell({ type: 'take', config, foreign });
      await this.until(({ listening, openFailure }) => listening === 'open' || openFailure !== null, signal);
      const { openFailure } = this.#state;
      if (openFailure !== null) throw new KeeperError(openFailure);
      const result = await this.#roll(config, signal);
      if (!result.ok) {
        this.tell({ type: 'stop', now: true });
        await this.until(isClosed, signal);
      }
      return result;
    });
  }

  /** Nothing of it is there that a new generation could take over from. */
  async #startAnew(config: PoolConfig, signal: AbortSignal): Promise<RolloutResult> {
    this.tell({ type: 'reconfigure', config });
    this.tell({ type: 'start', isOnTrial: false });
    await this.until(state => !isComingUp(state), signal);
    return hasGivenUp(this.#state) ? { ok: false, reason: failureOf(this.#state) } : { ok: true };
  }

  async #roll(config: PoolConfig, signal: AbortSignal): Promise<RolloutResult> {
    await this.until(({ rollout }) => rollout === null, signal); // one that nobody asked for
    this.tell({ type: 'rollout', config });
    await this.until(({ rollout }) => rollout === null, signal);
    return this.#state.lastRollout ?? { ok: false, reason: 'the reload was lost' };
  }

  #mustRun(): void {
    if (isObstructed(this.#state))
      throw new FpmError('POOL_FAILED', `pool ${this.name} has failed: ${failureOf(this.#state)}`);
    if (isWanted(this.#state)) return;
    throw new FpmError(
      'POOL_STOPPED',
      `pool ${this.name} is stopped: \`fpm-ts start ${this.name}\` starts it`,
    );
  }

  /** Continues what an earlier supervisor left. @throws {Error} when what it left is damaged */
  restore(note: PoolNote, workers: readonly WorkerState[], held: readonly ListenerState[]): void {
    const { state, actions } = restorePool(note, workers, held, this.#ports.now());
    this.#state = state;
    this.#ports.own([...state.workers.keys()]);
    for (const action of actions) this.#apply.do(action);
    for (const { pid, exit, gone } of workers) {
      if (exit !== null) this.tell({ type: 'exited', pid, exit });
      if (gone) this.tell({ type: 'gone', pid });
    }
    this.#ports.wake();
  }
}

function secondOf(nowMs: number): number {
  return Math.floor(nowMs / 1000);
}
