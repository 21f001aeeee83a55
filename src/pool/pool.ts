/**
 * A pool as it runs: what it is meant to be, its listener, its generations. `turn` observes, decides and applies;
 * the decision itself is in decide.ts, the workers are crew.ts's.
 */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Exit, WorkerState } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { Counters } from '../observe/status.ts';

import type { WorkerHandle } from '../worker/worker-handle.ts';
import { Crew, type PoolPorts } from './crew.ts';
import { type Action, decide, type Memory, NEW_POOL } from './decide.ts';
import { type Death, Health } from './health.ts';
import { policyOf } from './policy.ts';
import { PoolListener } from './pool-listener.ts';
import { type Roll, type RollResult, startRoll } from './roll.ts';

/** What a pool leaves with the keeper for the next supervisor. */
export interface PoolNote {
  readonly generation: number;
  readonly listenerNumber: number;
  readonly size: number | null;
  readonly isWanted: boolean;
  readonly counters: Counters;
}

export class Pool {
  config: PoolConfig;
  readonly #crew: Crew;
  readonly #health: Health;
  readonly #ports: PoolPorts;
  #memory: Memory = NEW_POOL;
  #generation = 1;
  #listener: PoolListener;
  #size: number | null = null;
  #reloads = 0;
  #isWanted = true;
  #hasBeenWhole = false;
  #roll: Roll | null = null;
  /** As many workers as it should have, all ready, nothing under way: until something happens a turn has nothing to do. */
  #isSettled = false;
  #savedNote = '';

  constructor(config: PoolConfig, ports: PoolPorts) {
    this.config = config;
    this.#ports = ports;
    this.#listener = new PoolListener(ports.keeper, 1);
    this.#health = new Health(config.name, ports.report);
    this.#crew = new Crew(config.name, ports, {
      unwanted: generation => this.#unwanted(generation),
      died: worker => this.#died(worker),
      spawnFailed: (generation, message, askedAtMs) => this.#spawnFailed(generation, message, askedAtMs),
    });
  }

  get name(): string {
    return this.config.name;
  }

  get workers(): ReadonlyMap<number, WorkerHandle> {
    return this.#crew.workers;
  }

  /** How many workers it is meant to have. */
  get size(): number {
    return this.#size ?? this.config.pm.maxChildren;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The keeper's name for the listener of the serving generation; null: the pool has none. */
  get listenerId(): string | null {
    return this.#listener.idOf(this.config, this.#listener.number);
  }

  /** Since it was started, all its workers were ready at some time. */
  get hasBeenWhole(): boolean {
    return this.#hasBeenWhole;
  }

  /** Some worker is on its way: there is something to look at soon. */
  get isStarting(): boolean {
    return !this.#isSettled && [...this.workers.values()].some(it => it.phase === 'starting');
  }

  get isEmpty(): boolean {
    return this.#crew.count === 0;
  }

  /** No worker is ready, and those that were started died young again and again, or never accepted. */
  get isFailed(): boolean {
    return this.#isWanted && this.#health.isHopeless && this.#crew.ready(this.#generation).length === 0;
  }

  /** Starting workers has failed again and again, whether others serve or not. */
  get isHopeless(): boolean {
    return this.#isWanted && this.#health.isHopeless;
  }

  /** Why the last worker that ended by itself did, or why none could be started. */
  get lastFailure(): string {
    return this.#health.lastFailure;
  }

  /** Processes that count against process.max. */
  get processCount(): number {
    return this.#crew.count;
  }

  get counters(): Counters {
    return { ...this.#crew.counters, reloads: this.#reloads };
  }

  /** Opens the listener. @throws {FpmError} POOL_FAILED when the address cannot be had */
  async open(): Promise<void> {
    try {
      await this.#listener.open(this.config);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new FpmError('POOL_FAILED', `pool ${this.name} cannot listen: ${reason}`, {
        file: this.config.file,
      });
    }
    const { address, text } = this.config.listen;
    if (address.type !== 'none') this.#ports.report({ type: 'listening', pool: this.name, address: text });
  }

  /** Goes on where the last supervisor stopped: workers of a reload that it had not finished are sent away. */
  restore(note: PoolNote | null, states: readonly WorkerState[]): void {
    if (note !== null) {
      this.#generation = note.generation;
      this.#listener = new PoolListener(this.#ports.keeper, note.listenerNumber);
      this.#size = note.size;
      this.#isWanted = note.isWanted;
      this.#reloads = note.counters.reloads;
      this.#crew.counters = note.counters;
    }
    if (this.#isWanted) this.#listener.restore(this.config);
    this.#crew.restore(states, this.config);
    this.#sendAway(worker => worker.generation > this.#generation, 'cancelled');
  }

  /** Observes, decides, applies. @param allowance how many more processes process.max allows */
  turn(allowance: number): void {
    if (this.#isSettled) return;
    this.#crew.observe(this.config);
    this.#noticeSuccess();
    if (this.#isWanted) this.#decide(allowance);
    if (this.#roll !== null) this.#advanceRoll(this.#roll, allowance);
    this.#saveNote();
    this.#isSettled = this.#isWhole();
  }

  exited(pid: number, exit: Exit): void {
    if (!this.workers.has(pid)) return;
    this.#isSettled = false;
    this.#crew.exited(pid, exit, this.config);
  }

  gone(pid: number): void {
    if (!this.workers.has(pid)) return;
    this.#isSettled = false;
    this.#crew.gone(pid, this.config);
    this.#closeOldListeners();
  }

  scale(size: number): void {
    this.#size = size;
    this.#isSettled = false;
    this.#ports.report({ type: 'scaled', pool: this.name, size });
    this.#ports.wake();
  }

  /** Takes settings that need no new workers. A size that was scaled to ends with this reload. */
  reconfigure(config: PoolConfig): void {
    this.config = config;
    this.#size = null;
    this.#isSettled = false;
    this.#ports.wake();
  }

  /** Sends the workers away; the listener is closed by `close` when the last is gone. */
  stop(now: boolean): void {
    this.#isWanted = false;
    this.#isSettled = false;
    this.#cancelRoll('the pool is being stopped');
    this.#sendAway(() => true, 'poolStopped', now ? 'kill' : 'stop');
    this.#ports.wake();
  }

  /** After a stop. */
  async close(): Promise<void> {
    this.#saveNote();
    await this.#listener.close(this.config);
    this.#ports.report({ type: 'poolStopped', pool: this.name });
  }

  /** Begins again after a stop. @throws {FpmError} POOL_FAILED when the address cannot be had */
  async startAgain(): Promise<void> {
    await this.open();
    this.#isWanted = true;
    this.#isSettled = false;
    this.#hasBeenWhole = false;
    this.#health.reset();
    this.#ports.wake();
  }

  /**
   * Starts a new generation beside the serving one; when all of it is ready it takes over. What does not come
   * up is cancelled, and the old generation stays.
   */
  async roll(config: PoolConfig): Promise<RollResult> {
    if (!this.#isWanted) {
      this.config = config;
      return { ok: true };
    }
    let listenerNumber: number;
    try {
      listenerNumber = await this.#listener.prepare(this.config, config);
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
    if (!this.#isWanted) return { ok: false, reason: 'the pool is being stopped' };
    const result = new Promise<RollResult>(done => {
      this.#isSettled = false;
      this.#roll = startRoll(config, this.#generation + 1, listenerNumber, done);
    });
    this.#ports.report({ type: 'rolling', pool: this.name, generation: this.#generation + 1 });
    this.#ports.wake();
    return result;
  }

  #isWhole(): boolean {
    const isQuiet = this.#roll === null && this.#health.restart.failedAttempts === 0 && this.#isWanted;
    // Those that are just being spawned are in the count, but not ready.
    const ready = this.#crew.ready(this.#generation).length;
    return isQuiet && ready === this.size && this.#crew.count === this.size;
  }

  #decide(allowance: number): void {
    const roll = this.#roll;
    const workers = this.#crew.staying(this.#generation);
    const ready = workers.filter(({ phase }) => phase === 'ready').length;
    const decision = decide(
      {
        nowMs: this.#ports.now(),
        ready,
        starting: workers.length - ready + this.#crew.spawning(this.#generation),
        load: null,
        restart: this.#health.restart,
        allowance,
        memoryShort: null,
        nextGeneration:
          roll === null
            ? null
            : { size: roll.config.pm.maxChildren, requested: roll.requested, madeRoom: roll.madeRoom },
      },
      policyOf(this.config.pm, this.#size),
      this.#memory,
    );
    this.#memory = decision.memory;
    for (const action of decision.actions) this.#apply(action);
  }

  #apply(action: Action): void {
    if (action.type === 'retire') {
      const reason = this.#roll === null ? 'scaledDown' : 'replaced';
      // The youngest go first: they have the least in their caches. Those that are just being spawned come next time.
      const staying = this.#crew.staying(this.#generation);
      const leaving = staying.toSorted((a, b) => b.startedAtMs - a.startedAtMs).slice(0, action.count);
      this.#sendAway(worker => leaving.includes(worker), reason);
      return;
    }
    for (let i = 0; i < action.count; i++) {
      if (action.generation === 'serving') this.#spawn(this.config, this.#generation, this.#listener.number);
      else if (this.#roll !== null) {
        this.#roll.requested++;
        this.#spawn(this.#roll.config, this.#roll.generation, this.#roll.listenerNumber);
      }
    }
  }

  #spawn(config: PoolConfig, generation: number, listenerNumber: number): void {
    this.#crew.spawn(config, generation, this.#listener.idOf(config, listenerNumber));
  }

  #sendAway(
    which: (worker: WorkerHandle) => boolean,
    reason: LeaveReason,
    type: 'stop' | 'kill' = 'stop',
  ): void {
    for (const worker of this.workers.values()) {
      if (which(worker)) this.#crew.happen(worker, { type, reason }, this.config);
    }
  }

  #unwanted(generation: number): LeaveReason | null {
    if (!this.#isWanted) return 'poolStopped';
    if (generation < this.#generation) return 'replaced';
    return generation > this.#generation && generation !== this.#roll?.generation ? 'cancelled' : null;
  }

  #spawnFailed(generation: number, message: string, askedAtMs: number): void {
    this.#health.lastFailure = message;
    if (generation === this.#roll?.generation) this.#cancelRoll(message);
    else this.#countDeath({ startedAtMs: askedAtMs, wasReady: false, isStartTimeout: false });
  }

  #died(worker: WorkerHandle): void {
    const now = this.#ports.now();
    const { startTimeoutMs } = worker.startedWith ?? this.config;
    const reason = this.#health.note(worker, now, startTimeoutMs);
    if (worker.generation === this.#roll?.generation) this.#cancelRoll(reason);
    else if (worker.generation === this.#generation) {
      const { startedAtMs, wasReady } = worker;
      this.#countDeath({ startedAtMs, wasReady, isStartTimeout: worker.reason === 'startTimeout' });
    }
  }

  #countDeath(death: Death): void {
    const wasFailed = this.isFailed;
    this.#health.died(death, this.#ports.now());
    if (wasFailed || !this.isFailed) return;
    this.#ports.report({ type: 'poolFailed', pool: this.name, reason: this.lastFailure });
  }

  #noticeSuccess(): void {
    const ready = this.#crew.ready(this.#generation);
    this.#health.succeeded(ready, this.#ports.now());
    if (this.#hasBeenWhole || !this.#isWanted || ready.length < this.size) return;
    this.#hasBeenWhole = true;
    this.#health.whole();
    this.#ports.report({ type: 'poolRunning', pool: this.name, workers: this.size });
  }

  #advanceRoll(roll: Roll, allowance: number): void {
    const arrived = this.#crew.ready(roll.generation).length;
    if (arrived >= roll.config.pm.maxChildren) {
      this.#commitRoll(roll);
      return;
    }
    // process.max has no room for two generations: workers are replaced one by one.
    const isStuck = allowance <= 0 && arrived === roll.requested && roll.madeRoom === roll.requested;
    if (isStuck && roll.madeRoom < this.size) roll.madeRoom++;
  }

  #commitRoll(roll: Roll): void {
    this.#listener.commit(this.config, roll.listenerNumber);
    this.#sendAway(worker => worker.generation < roll.generation, 'replaced');
    this.#roll = null;
    this.config = roll.config;
    this.#generation = roll.generation;
    this.#size = null;
    this.#hasBeenWhole = true;
    this.#health.reset();
    this.#reloads++;
    this.#saveNote();
    this.#ports.report({ type: 'rolled', pool: this.name, generation: this.#generation });
    this.#closeOldListeners();
    roll.done({ ok: true });
  }

  #cancelRoll(reason: string): void {
    const roll = this.#roll;
    if (roll === null) return;
    this.#roll = null;
    this.#sendAway(worker => worker.generation === roll.generation, 'cancelled');
    this.#listener.cancel(this.config, roll.config, roll.listenerNumber);
    // Of a pool that is being stopped, nothing goes on.
    if (this.#isWanted) this.#ports.report({ type: 'rollCancelled', pool: this.name, reason });
    roll.done({ ok: false, reason });
    this.#ports.wake();
  }

  #closeOldListeners(): void {
    if ([...this.workers.values()].some(it => it.generation < this.#generation)) return;
    this.#listener.closeOld();
  }

  #saveNote(): void {
    const note: PoolNote = {
      generation: this.#generation,
      listenerNumber: this.#listener.number,
      size: this.#size,
      isWanted: this.#isWanted,
      counters: this.counters,
    };
    const text = JSON.stringify(note);
    if (text === this.#savedNote) return;
    this.#savedNote = text;
    this.#ports.keeper.post('note', { name: `pool:${this.name}`, text });
  }
}
