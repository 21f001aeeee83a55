/** What there is to know of a pool, for whoever tells of it and for its own decisions. Nothing here changes anything. */
import type { PoolConfig } from '../config/types.ts';
import type { Exit } from '../keeper/protocol.ts';
import type { Counters } from '../observe/status.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Crew } from './crew.ts';
import type { Diary } from './diary.ts';
import type { Generations } from './generations.ts';
import type { Health } from './health.ts';
import type { LoadMeter } from './load-meter.ts';
import type { Lookout } from './lookout.ts';
import type { PoolNote } from './pool-note.ts';
import type { RequestTimeouts } from './request-timeouts.ts';
import type { Rolls } from './rolls.ts';
import { describeReason } from './scaling/why.ts';
import type { Sizing } from './sizing.ts';

/** What a pool is meant to be, and how far it has come. */
export interface Standing {
  isWanted: boolean;
  /** It has been stopped to go for good. */
  isRemoved: boolean;
  /** Its listener is there, or it needs none: before that nobody can be started. */
  isOpen: boolean;
  /** Since it was started, all its workers were ready at some time. */
  hasBeenWhole: boolean;
  reloads: number;
}

/** What a pool is made of. */
export interface PoolParts {
  readonly standing: Standing;
  readonly crew: Crew;
  readonly generations: Generations;
  readonly rolls: Rolls;
  readonly sizing: Sizing;
  readonly health: Health;
  readonly requests: RequestTimeouts;
  readonly lookout: Lookout;
  readonly diary: Diary;
}

export class PoolFacts {
  /** What was decided lately, and why. */
  readonly diary: Diary;
  readonly meter: LoadMeter;
  readonly #standing: Readonly<Standing>;
  readonly #crew: Crew;
  readonly #generations: Generations;
  readonly #rolls: Rolls;
  readonly #sizing: Sizing;
  readonly #health: Health;
  readonly #requests: RequestTimeouts;

  constructor(parts: PoolParts) {
    this.diary = parts.diary;
    this.meter = parts.lookout.meter;
    this.#standing = parts.standing;
    this.#crew = parts.crew;
    this.#generations = parts.generations;
    this.#rolls = parts.rolls;
    this.#sizing = parts.sizing;
    this.#health = parts.health;
    this.#requests = parts.requests;
  }

  /** Of the serving generation. */
  get config(): PoolConfig {
    return this.#generations.serving.config;
  }

  get name(): string {
    return this.config.name;
  }

  get isWanted(): boolean {
    return this.#standing.isWanted;
  }

  /** It has been stopped to go for good. */
  get isRemoved(): boolean {
    return this.#standing.isRemoved;
  }

  /** Since it was started, all its workers were ready at some time. */
  get hasBeenWhole(): boolean {
    return this.#standing.hasBeenWhole;
  }

  /** No worker is ready, and those that were started died young again and again, or never accepted. */
  get isFailed(): boolean {
    return this.isHopeless && this.ready.length === 0;
  }

  /** Starting workers has failed again and again, whether others serve or not. */
  get isHopeless(): boolean {
    return this.isWanted && this.#health.isHopeless;
  }

  /** Why the last worker that ended by itself did, or why none could be started. */
  get lastFailure(): string {
    return this.#health.lastFailure;
  }

  /** How that worker ended; null: it was none, or was killed because it never accepted. */
  get lastExit(): Exit | null {
    return this.#health.lastExit;
  }

  /** How many workers it needs to be called whole. */
  get size(): number {
    const { mode, maxChildren, startServers, minSpareServers } = this.config.pm;
    if (this.#sizing.target !== null) return this.#sizing.target;
    if (mode === 'static') return maxChildren;
    if (mode === 'ondemand') return 0;
    return (this.hasBeenWhole ? minSpareServers : startServers) ?? 1;
  }

  /** What keeps it from having the workers that it calls for, in words; empty: nothing. */
  get heldBackBy(): string {
    return this.#sizing.held.map(describeReason).join('; ');
  }

  get workers(): ReadonlyMap<number, WorkerHandle> {
    return this.#crew.workers;
  }

  /** Those of the serving generation that are not leaving. */
  get staying(): WorkerHandle[] {
    return this.#crew.staying(this.generation);
  }

  /** Those of the serving generation that serve. */
  get ready(): WorkerHandle[] {
    return this.#crew.ready(this.generation);
  }

  /** How many of the serving generation are on their way in. */
  get starting(): number {
    return this.staying.length - this.ready.length + this.#crew.spawning(this.generation);
  }

  /** The number of the one that serves. */
  get generation(): number {
    return this.#generations.serving.number;
  }

  /** The generation that a reload is bringing up; null: none. */
  get coming(): { readonly generation: number; readonly ready: number; readonly size: number } | null {
    const roll = this.#rolls.current;
    if (roll === null) return null;
    const { generation, size } = roll;
    return { generation: generation.number, ready: this.#crew.ready(generation.number).length, size };
  }

  /** Something is left of generations that serve no more, or of a program that was taken over. */
  get isDraining(): boolean {
    return !this.#generations.isSingle;
  }

  get isEmpty(): boolean {
    return this.#crew.count === 0 && this.#generations.isSingle;
  }

  /** Another program's listener is the serving generation's. */
  get isTaking(): boolean {
    return this.#generations.serving.listener?.isForeign === true;
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

  get counters(): Counters {
    return {
      ...this.#crew.counters,
      reloads: this.#standing.reloads,
      max_children_reached: this.#sizing.maxChildrenReached,
      slow_requests: this.#requests.slow,
    };
  }

  /** What the next supervisor is to know. */
  get note(): PoolNote {
    const { reloads, max_children_reached, slow_requests } = this.counters;
    return {
      config: this.config,
      generation: this.generation,
      listenerNumber: this.#generations.serving.listener?.number ?? this.generation,
      target: this.#sizing.target,
      isWanted: this.isWanted,
      isRemoved: this.isRemoved,
      counters: { ...this.#crew.past, reloads, max_children_reached, slow_requests },
      ...(this.isTaking && { isTaking: true }),
    };
  }
}
