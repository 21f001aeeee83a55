/**
 * A pool as it runs: its parts put together, and all that is done to it. What there is to know of it is
 * pool-facts.ts's; what it does by itself, turn by turn, is steering.ts's; who serves and who leaves, generations.ts's.
 */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Exit, ListenerState, WorkerState } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { Watched } from '../observe/sockets.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import { Crew, type PoolPorts } from './crew.ts';
import { Diary } from './diary.ts';
import { Generations, type Looks } from './generations.ts';
import { type Death, Health } from './health.ts';
import { Lookout } from './lookout.ts';
import { PoolFacts, type PoolParts, type Standing } from './pool-facts.ts';
import type { ForeignSocket } from './pool-listener.ts';
import { type PoolNote, SavedNote } from './pool-note.ts';
import { RequestTimeouts } from './request-timeouts.ts';
import { Retirement } from './retirement.ts';
import type { Roll, RollResult } from './roll.ts';
import { Rolls } from './rolls.ts';
import type { Claim } from './scaling/share.ts';
import { Sizing } from './sizing.ts';
import { type SharedLimits, Steering } from './steering.ts';

export class Pool {
  readonly name: string;
  readonly facts: PoolFacts;
  readonly #crew: Crew;
  readonly #health: Health;
  readonly #ports: PoolPorts;
  readonly #retirement: Retirement;
  readonly #generations: Generations;
  readonly #rolls: Rolls;
  readonly #requests: RequestTimeouts;
  readonly #sizing: Sizing;
  readonly #steering: Steering;
  readonly #saved: SavedNote;
  readonly #standing: Standing = {
    isWanted: true,
    isRemoved: false,
    isOpen: false,
    hasBeenWhole: false,
    reloads: 0,
  };

  constructor(config: PoolConfig, ports: PoolPorts) {
    const { name } = config;
    const diary = new Diary();
    this.name = name;
    this.#ports = ports;
    this.#saved = new SavedNote(name);
    this.#health = new Health(name, ports.report);
    this.#sizing = new Sizing(name, diary, ports.report);
    this.#crew = new Crew(name, ports, {
      unwanted: generation => this.#unwanted(generation),
      crashed: signal => this.#health.crashed(signal, ports.now()),
      died: (worker, isKilled) => this.#died(worker, isKilled),
      spawnFailed: (generation, message, askedAtMs) => this.#spawnFailed(generation, message, askedAtMs),
      gone: pid => ports.keeper.post('acknowledge', { pid, note: this.#saved.save(this.facts.note) }),
    });
    this.#retirement = new Retirement(this.#crew, ports, diary);
    this.#generations = new Generations(config, this.#crew, this.#retirement, ports);
    this.#rolls = new Rolls(name, this.#crew, this.#generations, ports, {
      isWanted: () => this.#standing.isWanted,
      target: () => this.#sizing.target,
      hasRoomFor: workers => this.#steering.hasRoomFor(workers),
      takeOver: roll => this.#takeOver(roll),
      stir: () => this.#steering.stir(),
    });
    this.#requests = new RequestTimeouts(this.#crew, this.#retirement, ports.report);
    const parts: PoolParts = {
      standing: this.#standing,
      crew: this.#crew,
      generations: this.#generations,
      rolls: this.#rolls,
      sizing: this.#sizing,
      health: this.#health,
      requests: this.#requests,
      lookout: new Lookout(),
      diary,
    };
    this.facts = new PoolFacts(parts);
    this.#steering = new Steering(parts, this.facts, this.#retirement, ports);
  }

  /** Opens the listener. @throws {FpmError} POOL_FAILED when the address cannot be had */
  async open(): Promise<void> {
    const { file, listen } = this.facts.config;
    try {
      await this.#generations.open();
    } catch (error) {
      throw new FpmError('POOL_FAILED', `pool ${this.name} cannot listen: ${messageOf(error)}`, { file });
    }
    this.#standing.isOpen = true;
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
      this.#standing.isWanted = isWanted;
      this.#standing.isRemoved = note.isRemoved;
      this.#standing.reloads = note.counters.reloads;
      this.#crew.past = { exited: note.counters.exited, crashed: note.counters.crashed };
      this.#sizing.maxChildrenReached = note.counters.max_children_reached;
      this.#requests.slow = note.counters.slow_requests;
    }
    const failure = await this.#generations.restore(generation, listenerNumber, isWanted, held);
    if (failure !== null) {
      const isServing = this.#generations.serving.listener !== null;
      this.#ports.report({ type: 'addressLost', pool: this.name, message: failure.message, isServing });
      this.#standing.isWanted = isServing;
    }
    this.#standing.isOpen = true;
    this.#saveNote();
    this.#crew.restore(states, this.facts.config);
    this.#generations.cancel(worker => worker.generation > this.facts.generation, this.facts.config);
    this.#generations.sendAway(worker => worker.generation < this.facts.generation, 'replaced');
  }

  /** Observes, decides, applies. @param limits what holds for all pools together */
  turn(looks: Looks, limits: SharedLimits): void {
    this.#health.turn(this.#ports.now());
    if (!this.#steering.look(looks, limits)) return;
    this.#crew.observe(this.facts.config, this.facts.meter.accepted);
    this.#noticeSuccess();
    this.#steering.decide();
    this.#rolls.turn();
    this.#generations.turn(looks);
    this.#saveNote();
    this.#steering.settle();
  }

  /** What the next look at the kernel's tables should tell about. */
  watched(nowMs: number): readonly Watched[] {
    return this.#steering.watched(nowMs);
  }

  /** There is something to look at soon: a worker on its way in or out. */
  get isHurried(): boolean {
    return this.#steering.isHurried;
  }

  /** What it asks of `process.max`. */
  claim(): Claim {
    return this.#steering.claim();
  }

  /** A connection waits on the listener that the keeper was asked to watch. */
  knocked(id: string): void {
    this.#steering.knocked(id);
  }

  exited(pid: number, exit: Exit): void {
    if (!this.facts.workers.has(pid)) return;
    this.#steering.stir();
    this.#crew.exited(pid, exit, this.facts.config);
  }

  gone(pid: number): void {
    if (!this.facts.workers.has(pid)) return;
    this.#steering.stir();
    this.#retirement.gone(pid);
    this.#crew.gone(pid, this.facts.config);
  }

  scale(size: number): void {
    this.#sizing.target = size;
    this.#ports.report({ type: 'scaled', pool: this.name, size });
    this.#saveNote(); // whoever asked is told that it is so, also by the next supervisor
    this.#steering.stir();
  }

  /** Takes settings that need no new workers. A size that was scaled to ends with this reload. */
  reconfigure(config: PoolConfig): void {
    this.#generations.serving = { ...this.#generations.serving, config };
    this.#rolls.reconfigure(config);
    this.#sizing.target = null;
    this.#saveNote();
    this.#steering.stir();
  }

  /** Sends the workers away; the listener is closed when the last is gone. */
  stop(now: boolean): void {
    this.#standing.isWanted = false;
    this.#saveNote();
    this.#rolls.cancel('the pool is being stopped');
    this.#generations.end(now);
    this.#steering.stir();
  }

  /** As `stop`, and it does not come back. */
  remove(): void {
    this.#standing.isRemoved = true;
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
    await this.#ports.until(() => this.facts.isEmpty); // the stop may still be under way
    const { number, ...rest } = this.#generations.serving;
    this.#generations.serving = { ...rest, number: number + 1 };
    this.#standing.isOpen = false;
    this.#standing.isWanted = true;
    this.#saveNote(); // as soon as it listens clients wait there, for whoever comes after us as well
    try {
      await this.open();
    } catch (error) {
      this.#standing.isWanted = false;
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
    this.#standing.isOpen = true;
    this.#standing.isWanted = true;
    this.#beginAnew();
    this.#saveNote();
    begun();
    const result = await this.roll(config);
    if (this.facts.isTaking) {
      this.#standing.isWanted = false;
      await this.#generations.close();
      this.#saveNote();
      await this.#ports.until(() => this.facts.isEmpty);
    }
    return result;
  }

  /** Starts a new generation beside the serving one; when all of it is ready it takes over. */
  roll(config: PoolConfig): Promise<RollResult> {
    return this.#rolls.start(config);
  }

  #beginAnew(): void {
    this.#standing.hasBeenWhole = false;
    this.#health.reset();
    this.#sizing.reset();
    this.#steering.stir();
  }

  #unwanted(generation: number): LeaveReason | null {
    if (!this.#standing.isWanted) return 'poolStopped';
    if (generation < this.facts.generation) return 'replaced';
    return generation > this.facts.generation && generation !== this.#rolls.current?.generation.number
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
    const { startTimeoutMs } = worker.startedWith ?? this.facts.config;
    const others = [...this.facts.workers.keys()].filter(pid => pid !== worker.pid);
    const reason = this.#health.note(worker, others, now, startTimeoutMs);
    if (worker.generation === this.#rolls.current?.generation.number) this.#rolls.cancel(reason);
    else if (worker.generation === this.facts.generation) {
      const { startedAtMs, wasReady } = worker;
      const isStartTimeout = worker.reason === 'startTimeout';
      // A command that kills itself as it starts never gets anybody ready.
      const isMurder = isKilled && (wasReady || this.facts.ready.length > 0);
      this.#countDeath({ startedAtMs, wasReady, isStartTimeout, isMurder });
    }
  }

  #countDeath(death: Death): void {
    const wasFailed = this.facts.isFailed;
    this.#health.died(death, this.#ports.now());
    if (wasFailed || !this.facts.isFailed) return;
    this.#ports.report({ type: 'poolFailed', pool: this.name, reason: this.facts.lastFailure });
  }

  #noticeSuccess(): void {
    const ready = this.facts.ready;
    this.#health.succeeded(ready, this.#ports.now());
    if (this.#standing.hasBeenWhole || !this.#standing.isWanted || ready.length < this.facts.size) return;
    this.#standing.hasBeenWhole = true;
    this.#health.whole();
    this.#ports.report({ type: 'poolRunning', pool: this.name, workers: ready.length });
  }

  #takeOver({ generation, target }: Roll): void {
    this.#sizing.target = target;
    this.#standing.hasBeenWhole = true;
    this.#health.reset();
    this.#standing.reloads++;
    this.#generations.takeOver(generation, () => this.#saveNote());
  }

  #saveNote(): void {
    const note = this.facts.note;
    if (!this.#saved.has(note)) this.#ports.keeper.post('note', this.#saved.save(note));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
