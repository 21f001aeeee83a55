/** What our policy would do for a pool that is not ours: every worker that it calls for is there at once. Pure but for its memory. */

import { NO_FAILURES } from '../restart-limit.ts';
import { decide, type Memory, NEW_POOL } from '../scaling/decide.ts';
import type { Policy } from '../scaling/policy.ts';
import type { Reason } from '../scaling/why.ts';

export class ShadowPool {
  readonly #policy: Policy;
  #memory: Memory = NEW_POOL;
  #workers = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** How many workers there would be now. */
  get workers(): number {
    return this.#workers;
  }

  /** Takes the connections that are served and that wait. @returns why the number changed, or is held; often nothing */
  look(load: { readonly accepted: number; readonly waiting: number }, nowMs: number): readonly Reason[] {
    const { actions, memory, why } = decide(
      {
        nowMs,
        ready: this.#workers,
        starting: 0,
        load,
        restart: NO_FAILURES,
        allowance: Number.POSITIVE_INFINITY,
        memoryShort: null,
        nextGeneration: null,
      },
      this.#policy,
      this.#memory,
    );
    this.#memory = memory;
    for (const { type, count } of actions) this.#workers += type === 'spawn' ? count : -count;
    return why;
  }
}
