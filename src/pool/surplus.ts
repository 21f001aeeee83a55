/** Workers that are too many: who has nothing in hand leaves, and where nobody ever is idle, a generation does. */
import type { PoolConfig } from '../config/types.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import { isOursToReplace } from './pool-listener.ts';
import { NO_IDLE_MOMENT_MS, type Retirement, youngestFirst } from './retirement.ts';
import type { Rolls } from './rolls.ts';

export class Surplus {
  readonly #retirement: Retirement;
  readonly #rolls: Rolls;
  /** Some have to leave, and since then none has. */
  #stuck: { readonly sinceMs: number; readonly present: number } | null = null;

  constructor(retirement: Retirement, rolls: Rolls) {
    this.#retirement = retirement;
    this.#rolls = rolls;
  }

  /** None are too many. */
  none(): void {
    this.#stuck = null;
  }

  /**
   * @param staying the pool's workers; `count` of them are too many
   * @param isDue they have been for long enough: where none has an idle moment, it goes without
   */
  retire(
    { staying, count, isDue }: { staying: readonly WorkerHandle[]; count: number; isDue: boolean },
    config: PoolConfig,
    accepted: ReadonlySet<number> | null,
    nowMs: number,
  ): void {
    const present = staying.length;
    this.#retirement.leaveIdle(staying, count, config, accepted, 'scaledDown');
    const isNews = this.#stuck === null || present < this.#stuck.present;
    if (!isDue) this.#stuck = null;
    else if (isNews) this.#stuck = { sinceMs: nowMs, present };
    if (this.#stuck === null || nowMs - this.#stuck.sinceMs < NO_IDLE_MOMENT_MS) return;
    this.#stuck = null;
    if (!this.#rolls.isAhead && isOursToReplace(config)) this.#rolls.startByItself();
    else {
      for (const worker of youngestFirst(staying.filter(it => it.isStaying)).slice(0, count))
        this.#retirement.leave(worker, 'scaledDown', config, false);
    }
  }
}
