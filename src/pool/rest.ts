/** How much a turn of a pool may skip, because nothing has happened since the last one that mattered. */
import { RESTING_LOOK_MS } from './lookout.ts';
import type { Sight } from './scaling/goal.ts';

export class Rest {
  /** On demand, without workers: the keeper says when somebody knocks. */
  isAsleep = false;
  /** As it should be, nothing under way: until something happens a turn has nothing to do. */
  isSettled = false;
  /** What the last decision saw, when it changed nothing and nothing was under way. */
  #calm: Sight | null = null;

  /** Something has happened. */
  end(): void {
    this.isSettled = false;
    this.isAsleep = false;
    this.#calm = null;
  }

  /** @param sight what a decision saw that changed nothing; null: it did, or something is under way */
  decided(sight: Sight | null): void {
    this.#calm = sight;
  }

  /** The load is what it was at the last decision, which changed nothing: until a second is over, so would the next. */
  isCalmStill(nowMs: number, load: Sight['load']): boolean {
    if (this.#calm === null) return false;
    const before = this.#calm.load;
    const isSame = load?.accepted === before?.accepted && load?.waiting === before?.waiting;
    return isSame && Math.floor(nowMs / RESTING_LOOK_MS) === Math.floor(this.#calm.nowMs / RESTING_LOOK_MS);
  }
}
