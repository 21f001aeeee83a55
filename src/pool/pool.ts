/**
 * A pool as it runs: what it is meant to be and how many workers it should have. `turn` observes, decides and applies;
 * the decision is decide.ts's, the workers are crew.ts's, who serves and who leaves is generations.ts's.
 */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Exit, ListenerState, WorkerState } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { Watched } from '../observe/sockets.ts';
import type { Counters } from '../observe/status.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import { Crew, type PoolPorts } from './crew.ts';
import { Diary } from './diary.ts';
import { Generations, type Looks } from './generations.ts';
import { type Death, Health } from './health.ts';
import type { LoadMeter } from './load-meter.ts';
import { Lookout } from './lookout.ts';
import type { ForeignSocket } from './pool-listener.ts';
import { type PoolNote, SavedNote } from './pool-note.ts';
import { Recycler } from './recycler.ts';
import { RequestTimeouts } from './request-timeouts.ts';
import { Rest } from './rest.ts';
import { Retirement } from './retirement.ts';
import type { Roll, RollResult } from './roll.ts';
import { Rolls } from './rolls.ts';
import type { Action } from './scaling/decide.ts';
import type { Sight } from './scaling/goal.ts';
import type { Claim } from './scaling/share.ts';
import { describeReason } from './scaling/why.ts';
import { Sizing } from './sizing.ts';
import { Surplus } from './surplus.ts';

const NOTHING: readonly Watched[] = [];

/** What holds for all pools together. */
export interface SharedLimits {
  /** How many more processes process.max allows this pool; below 0: how many others need of its. */
  readonly allowance: number;
  /** How many more it allows all pools. */
  readonly room: number;
  /** Why memory is short, in words; null: it is not. */
  readonly memoryShort: string | null;
}

export class Pool {
  readonly #crew: Crew;
  readonly #health: Health;
  readonly #ports: PoolPorts;
  readonly #retirement: Retirement;
  readonly #generations: Generations;
  readonly #rolls: Rolls;
  readonly #surplus: Surplus;
  readonly #recycler: Recycler;
  readonly #requests: RequestTimeouts;
  readonly #sizing: Sizing;
  /** What was decided lately, and why. */
  readonly diary = new Diary();
  readonly #lookout = new Lookout();
  readonly #rest = new Rest();
  readonly #saved: SavedNote;
  #reloads = 0;
  #isWanted = true;
  #isRemoved = false;
  /** Its listener is there, or it needs none: before that nobody can be started. */
  #isOpen = false;
  #hasBeenWhole = false;
  #limits: SharedLimits = { allowance: Infinity, room: Infinity, memoryShort: null };

  constructor(config: PoolConfig, ports: PoolPorts) {
    this.#ports = ports;
    this.#saved = new SavedNote(config.name);
    this.#health = new Health(config.name, ports.report);
    this.#sizing = new Sizing(config.name, this.diary, ports.report);
    this.#crew = new Crew(config.name, ports, {
      unwanted: generation => this.#unwanted(generation),
      crashed: signal => this.#health.crashed(signal, ports.now()),
      died: (worker, isKilled) => this.#died(worker, isKilled),
      spawnFailed: (generation, message, askedAtMs) => this.#spawnFailed(generation, message, askedAtMs),
      gone: pid => this.#ports.keeper.post('acknowledge', { pid, note: this.#saved.save(this.#note()) }),
    });
    this.#retirement = new Retirement(this.#crew, ports, this.diary);
    this.#generations = new Generations(config, this.#crew, this.#retirement, ports);
    this.#rolls = new Rolls(config.name, this.#crew, this.#generations, ports, {
      isWanted: () => this.#isWanted,
      target: () => this.#sizing.target,
      hasRoomFor: workers => this.#limits.room >= workers && this.#limits.memoryShort === null,
      takeOver: roll => this.#takeOver(roll),
      stir: () => this.#stir(),
    });
    this.#surplus = new Surplus(this.#retirement, this.#rolls);
    this.#recycler = new Recycler(config.name, this.#retirement, this.diary, ports.report);
    this.#requests = new RequestTimeouts(this.#crew, this.#retirement, ports.report);
  }

  get meter(): LoadMeter {
    return this.#lookout.meter;
  }

  get config(): PoolConfig {
    return this.#generations.serving.config;
  }

  get name(): string {
    return this.config.name;
  }

  get workers(): ReadonlyMap<number, WorkerHandle> {
    return this.#crew.workers;
  }

  /** How many workers it needs to be called whole. */
  get size(): number {
    const { mode, maxChildren, startServers, minSpareServers } = this.config.pm;
    if (this.#sizing.target !== null) return this.#sizing.target;
    if (mode === 'static') return maxChildren;
    if (mode === 'ondemand') return 0;
    return (this.#hasBeenWhole ? minSpareServers : startServers) ?? 1;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** It has been stopped to go for good. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** The socket inode of the serving generation's listener; null: none. */
  get listenerInode(): number | null {
    return this.#generations.serving.listener?.inode ?? null;
  }

  /** The keeper's names of all its listeners. */
  get listenerIds(): string[] {
    const coming = this.#rolls.current?.generation.listener ?? null;
    return [...this.#generations.listeners, ...(coming === null ? [] : [coming])].map(({ id }) => id);
  }

  /** Since it was started, all its workers were ready at some time. */
  get hasBeenWhole(): boolean {
    return this.#hasBeenWhole;
  }

  /** There is something to look at soon: a worker on its way in or out. */
  get isHurried(): boolean {
    const now = this.#ports.now();
    return !this.#rest.isSettled && [...this.workers.values()].some(it => it.isPassing(now));
  }

  /** Something is left of generations that serve no more, or of a program that was taken over. */
  get isDraining(): boolean {
    return !this.#generations.isSingle;
  }

  get isEmpty(): boolean {
    return this.#crew.count === 0 && this.#generations.isSingle;
  }

  /** No worker is ready, and those that were started died young again and again, or never accepted. */
  get isFailed(): boolean {
    return this.isHopeless && this.#ready.length === 0;
  }

  /** Starting workers has failed again and again, whether others serve or not. */
  get isHopeless(): boolean {
    return this.#isWanted && this.#health.isHopeless;
  }

  /** Why the last worker that ended by itself did, or why none could be started. */
  get lastFailure(): string {
    return this.#health.lastFailure;
  }

  /** How that worker ended; null: it was none, or was killed because it never accepted. */
  get lastExit(): Exit | null {
    return this.#health.lastExit;
  }

  /** What keeps it from having the workers that it calls for, in words; empty: nothing. */
  get heldBackBy(): string {
    return this.#sizing.held.map(describeReason).join('; ');
  }

  get counters(): Counters {
    const { maxChildrenReached } = this.#sizing;
    return {
      ...this.#crew.counters,
      reloads: this.#reloads,
      max_children_reached: maxChildrenReached,
      slow_requests: this.#requests.slow,
    };
  }

  /** The generation that a reload is bringing up; null: none. */
  get coming(): { readonly generation: number; readonly ready: number; readonly size: number } | null {
    const roll = this.#rolls.current;
    if (roll === null) return null;
    const { generation, size } = roll;
    return { generation: generation.number, ready: this.#crew.ready(generation.number).length, size };
  }

  /**
   * What the next look at the kernel's tables should tell about. The rows of connections cost ten times what a queue
   * does: as long as nobody waits and nothing is under way, they are read twice a second.
   */
  watched(nowMs: number): readonly Watched[] {
    if (this.#rest.isAsleep) return NOTHING;
    if (this.#requests.isLookDue(this.config, nowMs)) return this.#generations.watched(true);
    if (!this.#lookout.isQueueDue(this.#rest.isSettled, nowMs)) return NOTHING;
    return this.#generations.watched(this.#lookout.areConnectionsDue(this.#isMoving, nowMs));
  }

  /** What it asks of `process.max`. */
  claim(): Claim {
    const sight = this.#sight();
    return this.#sizing.claim(sight, this.config.pm, this.#crew.count - sight.ready - sight.starting);
  }

  /** Opens the listener. @throws {FpmError} POOL_FAILED when the address cannot be had */
  async open(): Promise<void> {
    const { file, listen } = this.config;
    try {
      await this.#generations.open();
    } catch (error) {
      throw new FpmError('POOL_FAILED', `pool ${this.name} cannot listen: ${messageOf(error)}`, { file });
    }
    this.#isOpen = true;
    if (listen.address.type !== 'none')
      this.#ports.report({ type: 'listening', pool: this.name, address: listen.text });
  }

  /** Goes on where the last supervisor stopped: what it had not finished is finished or sent away. */
  async restore(
    note: PoolNote | null,
    states: readonly WorkerState[],
    held: readonly ListenerState[],
  ): Promise<void> {
    const { generation, listenerNumber, isWanted } = note ?? {
      generation: 1,
      listenerNumber: 1,
      isWanted: true,
    };
    if (note !== null) {
      this.#sizing.target = note.target;
      this.#isWanted = isWanted;
      this.#isRemoved = note.isRemoved;
      this.#reloads = note.counters.reloads;
      this.#crew.past = { exited: note.counters.exited, crashed: note.counters.crashed };
      this.#sizing.maxChildrenReached = note.counters.max_children_reached;
      this.#requests.slow = note.counters.slow_requests;
    }
    const failure = await this.#generations.restore(generation, listenerNumber, isWanted, held);
    if (failure !== null) {
      const isServing = this.#generations.serving.listener !== null;
      this.#ports.report({ type: 'addressLost', pool: this.name, message: failure.message, isServing });
      this.#isWanted = isServing;
    }
    this.#isOpen = true;
    this.#saveNote();
    this.#crew.restore(states, this.config);
    this.#generations.cancel(worker => worker.generation > this.#number, this.config);
    this.#generations.sendAway(worker => worker.generation < this.#number, 'replaced');
  }

  /** Observes, decides, applies. @param limits what holds for all pools together */
  turn(looks: Looks, limits: SharedLimits): void {
    this.#limits = limits;
    this.#health.turn(this.#ports.now());
    if (this.#rest.isAsleep || !this.#isOpen) return;
    this.#look(looks);
    this.#watchRequests(looks);
    this.#recycle();
    if (this.#rest.isSettled || this.#isCalmStill(limits)) return;
    this.#crew.observe(this.config, this.meter.accepted);
    this.#noticeSuccess();
    // Its connections are read in the next turn, which is due: an old look would count them twice.
    const mayDecide = this.#isWanted && !(this.#isTaking && this.#rolls.current === null);
    if (mayDecide && !(this.meter.hasQueue && this.meter.isStale)) this.#decide(limits);
    this.#rolls.turn();
    this.#generations.turn(looks);
    this.#saveNote();
    this.#settle();
  }

  exited(pid: number, exit: Exit): void {
    if (!this.workers.has(pid)) return;
    this.#stir();
    this.#crew.exited(pid, exit, this.config);
  }

  gone(pid: number): void {
    if (!this.workers.has(pid)) return;
    this.#stir();
    this.#retirement.gone(pid);
    this.#crew.gone(pid, this.config);
  }

  /** A connection waits on the listener that the keeper was asked to watch. */
  knocked(id: string): void {
    if (this.#generations.serving.listener?.id !== id) return;
    this.#lookout.isKnocked = true;
    // One is started for whoever knocks before the tables are read; the turn that comes sees how many there are.
    if (this.#isWanted && this.#crew.count === 0) this.#decide(this.#limits);
    this.#stir();
  }

  scale(size: number): void {
    this.#sizing.target = size;
    this.#ports.report({ type: 'scaled', pool: this.name, size });
    this.#saveNote(); // whoever asked is told that it is so, also by the next supervisor
    this.#stir();
  }

  /** Takes settings that need no new workers. A size that was scaled to ends with this reload. */
  reconfigure(config: PoolConfig): void {
    this.#generations.serving = { ...this.#generations.serving, config };
    this.#rolls.reconfigure(config);
    this.#sizing.target = null;
    this.#saveNote();
    this.#stir();
  }

  /** Sends the workers away; the listener is closed when the last is gone. */
  stop(now: boolean): void {
    this.#isWanted = false;
    this.#saveNote();
    this.#rolls.cancel('the pool is being stopped');
    this.#generations.end(now);
    this.#stir();
  }

  /** As `stop`, and it does not come back. */
  remove(): void {
    this.#isRemoved = true;
    this.stop(false);
  }

  /** After a stop. */
  async close(): Promise<void> {
    this.#saveNote();
    await this.#generations.close();
    this.#ports.report({ type: 'poolStopped', pool: this.name });
  }

  /** Begins again after a stop. @throws {FpmError} POOL_FAILED when the address cannot be had */
  async startAgain(): Promise<void> {
    await this.#ports.until(() => this.isEmpty); // the stop may still be under way
    const { number, ...rest } = this.#generations.serving;
    this.#generations.serving = { ...rest, number: number + 1 };
    this.#isOpen = false;
    this.#isWanted = true;
    this.#saveNote(); // as soon as it listens clients wait there, for whoever comes after us as well
    try {
      await this.open();
    } catch (error) {
      this.#isWanted = false;
      this.#saveNote();
      throw error;
    }
    this.#beginAnew();
  }

  /**
   * Takes over from another program that listens at its address: workers come up beside it, and when all of them are
   * ready, new connections come to them. It must be empty.
   * @param begun is called when it is known that the socket can be had
   * @returns why the workers did not come up; the other program then has everything as before
   * @throws {KeeperError} when the socket cannot be had
   */
  async takeFrom(config: PoolConfig, foreign: ForeignSocket, begun: () => void): Promise<RollResult> {
    await this.#generations.take(config, foreign);
    this.#isOpen = true;
    this.#isWanted = true;
    this.#beginAnew();
    this.#saveNote();
    begun();
    const result = await this.roll(config);
    if (this.#isTaking) {
      this.#isWanted = false;
      await this.#generations.close();
      this.#saveNote();
      await this.#ports.until(() => this.isEmpty);
    }
    return result;
  }

  /** Starts a new generation beside the serving one; when all of it is ready it takes over. */
  roll(config: PoolConfig): Promise<RollResult> {
    return this.#rolls.start(config);
  }

  /** Workers come or go. */
  get #isMoving(): boolean {
    return this.#rolls.current !== null || !this.#generations.isSingle || this.isHurried;
  }

  get #number(): number {
    return this.#generations.serving.number;
  }

  get #staying(): WorkerHandle[] {
    return this.#crew.staying(this.#number);
  }

  get #ready(): WorkerHandle[] {
    return this.#crew.ready(this.#number);
  }

  get #starting(): number {
    return this.#staying.length - this.#ready.length + this.#crew.spawning(this.#number);
  }

  /** Another program's listener is the serving generation's. */
  get #isTaking(): boolean {
    return this.#generations.serving.listener?.isForeign === true;
  }

  #beginAnew(): void {
    this.#hasBeenWhole = false;
    this.#health.reset();
    this.#sizing.reset();
    this.#stir();
  }

  #stir(): void {
    this.#rest.end();
    this.#ports.wake();
  }

  /** Decides whether turns can be saved until something happens. */
  #settle(): void {
    const isQuiet =
      !this.#isTaking &&
      this.#rolls.current === null &&
      this.#generations.isSingle &&
      this.#recycler.outgoing === 0 &&
      this.#health.restart.failedAttempts === 0;
    const { mode } = this.config.pm;
    const { count } = this.#crew;
    if (!isQuiet || !this.#isWanted) return;
    if (mode === 'static' || this.#sizing.target !== null) {
      // Those that are just being spawned are in the count, but not ready.
      this.#rest.isSettled = this.#ready.length === this.size && count === this.size;
    } else if (mode === 'ondemand' && count === 0 && !this.#lookout.isKnocked) {
      this.#rest.isAsleep = true;
      this.#generations.serving.listener?.watch();
    }
  }

  #look(looks: Looks): void {
    const { listener } = this.#generations.serving;
    const load = listener === null ? null : (looks.get(listener.inode) ?? null);
    if (load === null && this.#rest.isSettled) return; // it was not its turn
    if (load !== null && this.meter.becameFull(load))
      this.#ports.report({
        type: 'queueFull',
        pool: this.name,
        waiting: load.waiting,
        limit: load.limit ?? 0,
      });
    const ready = this.#ready.map(({ pid }) => pid);
    const followsLoad = this.#sizing.target === null;
    const isUrgent = this.#lookout.note(load, ready, this.config, followsLoad, this.#ports.now());
    if (isUrgent) this.#stir();
  }

  #sight(): Sight {
    // Those that are to be replaced are not counted on.
    const ready = this.#ready.length - this.#recycler.outgoing;
    return { nowMs: this.#ports.now(), ready, starting: this.#starting, load: this.#lookout.load };
  }

  #decide(limits: SharedLimits): void {
    const { next } = this.#rolls;
    const snapshot = {
      ...this.#sight(),
      // What nobody uses is there for the new generation, which is no part of the pool's share.
      allowance: next === null ? limits.allowance : Math.max(limits.allowance, limits.room),
      memoryShort: limits.memoryShort,
      restart: this.#health.restart,
      nextGeneration: next,
    };
    this.#lookout.isKnocked = false;
    const actions = this.#sizing.decide(snapshot, this.config.pm);
    for (const action of actions) this.#apply(action);
    if (!actions.some(action => action.type === 'retire')) this.#surplus.none();
    const isIdle = actions.length === 0 && this.#sizing.held.length === 0 && !this.meter.hasQueue;
    this.#rest.decided(isIdle && !this.#isMoving ? snapshot : null);
  }

  #isCalmStill(limits: SharedLimits): boolean {
    if (this.#lookout.hasServed || limits.allowance < 0 || limits.memoryShort !== null) return false;
    return this.#rest.isCalmStill(this.#ports.now(), this.meter.counts);
  }

  #apply(action: Action): void {
    if (action.type === 'retire') {
      const { config, meter } = this;
      const surplus = { staying: this.#staying, count: action.count, isDue: action.isDue };
      this.#surplus.retire(surplus, config, meter.accepted, this.#ports.now());
    } else if (action.generation === 'serving') {
      for (let i = 0; i < action.count; i++) this.#crew.spawn(this.#generations.serving);
    } else this.#rolls.spawn(action.count);
  }

  /** Looks at requests that take long, when all connections were read. */
  #watchRequests(looks: Looks): void {
    const nowMs = this.#ports.now();
    if (!this.#requests.isLookDue(this.config, nowMs)) return;
    const seen = this.#generations.listeners.map(({ inode }) => looks.get(inode)?.accepted ?? null);
    if (seen.includes(null)) return;
    const [one, ...others] = seen.filter(it => it !== null);
    if (one === undefined) return;
    const accepted = others.length === 0 ? one : new Set([one, ...others].flatMap(it => [...it]));
    const { config, listenerInode } = this;
    if (this.#requests.turn({ nowMs, config, accepted, listenerInode }) === 'nothing') return;
    if (this.#isWanted) this.#rolls.startByItself();
  }

  #recycle(): void {
    const { maxMemoryBytes, maxLifetimeMs } = this.config.pm;
    const isOff = maxMemoryBytes === 0 && maxLifetimeMs === 0 && this.#recycler.outgoing === 0;
    if (!this.#isWanted || isOff) return;
    const news = this.#recycler.turn({
      nowMs: this.#ports.now(),
      config: this.config,
      ready: this.#ready,
      leaving: this.workers.size - this.#staying.length,
      isFilling: this.#starting > 0 || this.#health.restart.failedAttempts > 0,
      accepted: this.meter.accepted,
      isRolling: this.#rolls.isAhead,
    });
    if (news === 'roll') this.#rolls.startByItself();
    if (news === 'stir') this.#stir();
  }

  #unwanted(generation: number): LeaveReason | null {
    if (!this.#isWanted) return 'poolStopped';
    if (generation < this.#number) return 'replaced';
    return generation > this.#number && generation !== this.#rolls.current?.generation.number
      ? 'cancelled'
      : null;
  }

  #spawnFailed(generation: number, message: string, askedAtMs: number): void {
    this.#health.spawnFailed(message);
    if (generation === this.#rolls.current?.generation.number) this.#rolls.cancel(message);
    else
      this.#countDeath({ startedAtMs: askedAtMs, wasReady: false, isStartTimeout: false, isMurder: false });
  }

  #died(worker: WorkerHandle, isKilled: boolean): void {
    const now = this.#ports.now();
    const { startTimeoutMs } = worker.startedWith ?? this.config;
    const others = [...this.workers.keys()].filter(pid => pid !== worker.pid);
    const reason = this.#health.note(worker, others, now, startTimeoutMs);
    if (worker.generation === this.#rolls.current?.generation.number) this.#rolls.cancel(reason);
    else if (worker.generation === this.#number) {
      const { startedAtMs, wasReady } = worker;
      const isStartTimeout = worker.reason === 'startTimeout';
      // A command that kills itself as it starts never gets anybody ready.
      const isMurder = isKilled && (wasReady || this.#ready.length > 0);
      this.#countDeath({ startedAtMs, wasReady, isStartTimeout, isMurder });
    }
  }

  #countDeath(death: Death): void {
    const wasFailed = this.isFailed;
    this.#health.died(death, this.#ports.now());
    if (wasFailed || !this.isFailed) return;
    this.#ports.report({ type: 'poolFailed', pool: this.name, reason: this.lastFailure });
  }

  #noticeSuccess(): void {
    const ready = this.#ready;
    this.#health.succeeded(ready, this.#ports.now());
    if (this.#hasBeenWhole || !this.#isWanted || ready.length < this.size) return;
    this.#hasBeenWhole = true;
    this.#health.whole();
    this.#ports.report({ type: 'poolRunning', pool: this.name, workers: ready.length });
  }

  #takeOver({ generation, target }: Roll): void {
    this.#sizing.target = target;
    this.#hasBeenWhole = true;
    this.#health.reset();
    this.#reloads++;
    this.#generations.takeOver(generation, () => this.#saveNote());
  }

  #saveNote(): void {
    const note = this.#note();
    if (!this.#saved.has(note)) this.#ports.keeper.post('note', this.#saved.save(note));
  }

  #note(): PoolNote {
    const { reloads, max_children_reached, slow_requests } = this.counters;
    return {
      config: this.config,
      generation: this.#number,
      listenerNumber: this.#generations.serving.listener?.number ?? this.#number,
      target: this.#sizing.target,
      isWanted: this.#isWanted,
      isRemoved: this.#isRemoved,
      counters: { ...this.#crew.past, reloads, max_children_reached, slow_requests },
      ...(this.#isTaking && { isTaking: true }),
    };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
