/**
 * What a pool sees of its connections, and how often it looks: the rows of connections cost ten times what a queue
 * does.
 */
import type { PoolConfig } from '../config/types.ts';
import type { ListenerLoad } from '../observe/sockets.ts';
import { AcceptCounts } from '../worker/accept-counts.ts';
import { listenerDescriptor } from '../worker/command.ts';
import { LoadMeter } from './load-meter.ts';
import type { Sight } from './scaling/goal.ts';

/** How often connections are read of a pool where nobody waits, and of one of which nothing has to be decided. */
const QUIET_LOOK_MS = 500;
export const RESTING_LOOK_MS = 1000;

export class Lookout {
  readonly meter = new LoadMeter();
  /** Somebody knocked at a sleeping pool, and was not seen yet. */
  isKnocked = false;
  readonly #acceptCounts = new AcceptCounts();
  #hasServed = false;

  /** Somebody was served whom no look has seen. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /** Whether the queue is to be read now. @param isSettled nothing has to be decided */
  isQueueDue(isSettled: boolean, nowMs: number): boolean {
    return !isSettled || this.#isDue(RESTING_LOOK_MS, nowMs);
  }

  /** Whether the connections are, too. @param isMoving workers come or go */
  areConnectionsDue(isMoving: boolean, nowMs: number): boolean {
    return isMoving || this.isKnocked || this.meter.hasQueue || this.#isDue(QUIET_LOOK_MS, nowMs);
  }

  /** What is known for a decision; null: nothing can be seen. */
  get load(): Sight['load'] {
    const { counts } = this.meter;
    if (this.#hasServed) return { accepted: 1, waiting: 0 };
    // Whoever knocked may not have been looked at yet, or the tables cannot be read.
    return this.isKnocked
      ? { accepted: counts?.accepted ?? 0, waiting: Math.max(1, counts?.waiting ?? 0) }
      : counts;
  }

  /**
   * Takes what was seen.
   * @param ready pids of the workers that are ready; followsLoad: no size was set by hand
   * @returns whether its connections are to be read at once: a queue has begun and they were not
   */
  note(
    load: ListenerLoad | null,
    ready: readonly number[],
    { pm, listen }: PoolConfig,
    followsLoad: boolean,
    nowMs: number,
  ): boolean {
    const hadQueue = this.meter.hasQueue;
    this.meter.note(load, ready.length, pm.workerConcurrency, nowMs);
    const counts = this.meter.counts;
    const isNobodySeen = counts !== null && counts.accepted + counts.waiting === 0;
    // On demand, where nobody is seen: somebody may have been served all the same. Spare workers would not go for that.
    this.#hasServed =
      pm.mode === 'ondemand' &&
      followsLoad &&
      isNobodySeen &&
      this.#acceptCounts.haveServed(ready, listenerDescriptor({ listen }), nowMs, pm.processIdleTimeoutMs);
    return this.meter.hasQueue && !hadQueue && this.meter.isStale;
  }

  /** All pools are due in the same turn: one read of the tables serves them all. */
  #isDue(everyMs: number, nowMs: number): boolean {
    return Math.floor(nowMs / everyMs) !== Math.floor(this.meter.connectionsAtMs / everyMs);
  }
}
