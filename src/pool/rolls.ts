/**
 * Reloads of one pool, one after the other: a new generation comes up beside the serving one; when all of it is ready
 * it takes over. What does not come up is sent away, and the serving generation stays.
 */
import type { PoolConfig } from '../config/types.ts';
import type { Crew, PoolPorts } from './crew.ts';
import type { Generations } from './generations.ts';
import { type Roll, type RollResult, rollSize } from './roll.ts';
import type { NextGeneration } from './scaling/decide.ts';

/** After a generation that nobody had asked for did not come up. */
const AGAIN_MS = 30_000;

/** What the pool says and does. */
export interface RollHost {
  readonly isWanted: () => boolean;
  /** What `scale` said. */
  readonly target: () => number | null;
  /** Whether so many more workers may be started. */
  readonly hasRoomFor: (workers: number) => boolean;
  /** The new generation is ready: it serves from now on. */
  readonly takeOver: (roll: Roll) => void;
  /** Something is to be done. */
  readonly stir: () => void;
}

export class Rolls {
  #current: Roll | null = null;
  /** Those that are under way or wait, and the last of them. */
  #ahead = 0;
  #last: Promise<unknown> = Promise.resolve();
  #noneBeforeMs = 0;
  readonly #pool: string;
  readonly #crew: Crew;
  readonly #generations: Generations;
  readonly #ports: PoolPorts;
  readonly #host: RollHost;

  constructor(pool: string, crew: Crew, generations: Generations, ports: PoolPorts, host: RollHost) {
    this.#pool = pool;
    this.#crew = crew;
    this.#generations = generations;
    this.#ports = ports;
    this.#host = host;
  }

  /** The one that is under way; null: none. */
  get current(): Roll | null {
    return this.#current;
  }

  /** One is under way or waits. */
  get isAhead(): boolean {
    return this.#ahead > 0;
  }

  /** What `decide` needs to know of the generation that comes up. */
  get next(): NextGeneration | null {
    const roll = this.#current;
    if (roll === null) return null;
    const { size, requested, servingLimit, servingBefore } = roll;
    return { size, requested, servingLimit, leftPlaces: Math.max(0, servingBefore - this.#staying) };
  }

  /** @param wish null: the settings that it has then, and what `scale` said goes on: nobody asked for a reload */
  async start(wish: PoolConfig | null): Promise<RollResult> {
    this.#ahead++;
    const result = this.#last.then(() => this.#run(wish));
    this.#last = result;
    return await result.finally(() => this.#ahead--);
  }

  /** A new generation takes over although nobody asked for a reload; not when one is coming, or the last one did not. */
  startByItself(): void {
    if (this.isAhead || this.#ports.now() < this.#noneBeforeMs) return;
    void this.start(null).then(({ ok }) => {
      if (!ok) this.#noneBeforeMs = this.#ports.now() + AGAIN_MS;
    });
  }

  /** Spawns so many workers of the generation that comes up. */
  spawn(count: number): void {
    const roll = this.#current;
    if (roll === null) return;
    roll.requested += count;
    for (let i = 0; i < count; i++) this.#crew.spawn(roll.generation);
  }

  /** A generation that is taking over by itself must not bring old settings back. */
  reconfigure(config: PoolConfig): void {
    if (this.#current !== null) this.#current.generation = { ...this.#current.generation, config };
  }

  turn(): void {
    const roll = this.#current;
    if (roll === null) return;
    const arrived = this.#crew.ready(roll.generation.number).length;
    if (arrived < roll.size) this.#makeRoom(roll, arrived);
    else {
      this.#current = null;
      this.#host.takeOver(roll);
      this.#ports.report({ type: 'rolled', pool: this.#pool, generation: roll.generation.number });
      roll.done({ ok: true });
    }
  }

  cancel(reason: string): void {
    const roll = this.#current;
    if (roll === null) return;
    this.#current = null;
    this.#generations.dismiss(roll.generation);
    // Of a pool that is being stopped, nothing goes on.
    if (this.#host.isWanted()) this.#ports.report({ type: 'rollCancelled', pool: this.#pool, reason });
    roll.done({ ok: false, reason });
    this.#ports.wake();
  }

  get #staying(): number {
    return this.#crew.staying(this.#generations.serving.number).length;
  }

  async #run(wish: PoolConfig | null): Promise<RollResult> {
    const { isWanted, target: targetNow, hasRoomFor } = this.#host;
    await this.#ports.until(() => this.#generations.isSingle || !isWanted());
    const { serving } = this.#generations;
    const config = wish ?? serving.config;
    if (!isWanted()) {
      this.#generations.serving = { ...serving, config };
      return { ok: true };
    }
    const target = wish === null ? targetNow() : null;
    const servingBefore = this.#staying;
    const size = rollSize(config, servingBefore, target);
    try {
      const listener = await this.#generations.listenerFor(config, hasRoomFor(size));
      const generation = { number: serving.number + 1, config, listener };
      const result = new Promise<RollResult>(done => {
        const fixed = { generation, size, target, servingBefore, done };
        // Of another program's generation, none is ours to start.
        const servingLimit = serving.listener?.isForeign === true ? 0 : null;
        this.#current = { ...fixed, requested: 0, servingLimit };
      });
      if (!isWanted()) this.cancel('the pool is being stopped');
      else this.#ports.report({ type: 'rolling', pool: this.#pool, generation: generation.number });
      this.#host.stir();
      return await result;
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Where there is no room for two generations, workers are replaced one by one. */
  #makeRoom(roll: Roll, arrived: number): void {
    const staying = this.#staying;
    // Whoever is on the way out makes room, and whoever is on the way in may take it.
    const isAnybodyPassing = this.#crew.count > staying + arrived;
    const isAsked = roll.servingLimit !== null && staying > roll.servingLimit;
    if (isAnybodyPassing || isAsked || staying === 0 || this.#host.hasRoomFor(1)) return;
    roll.servingLimit = staying - 1;
  }
}
