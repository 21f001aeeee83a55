/** How many workers a pool should have: what decide.ts remembers from turn to turn, and what `scale` said. */
import type { PmConfig } from '../config/types.ts';
import type { PoolEvent } from '../observe/events.ts';
import type { Diary } from './diary.ts';
import { type Action, claimOf, decide, type Memory, NEW_POOL, type Snapshot } from './scaling/decide.ts';
import type { Sight } from './scaling/goal.ts';
import { neededFor, type Policy, policyOf } from './scaling/policy.ts';
import type { Claim } from './scaling/share.ts';
import { becauseOf, type Reason } from './scaling/why.ts';

export class Sizing {
  /** What `scale` said; null: the configuration's rule holds. */
  target: number | null = null;
  /** Episodes in which more than max_children were called for. */
  maxChildrenReached = 0;
  #memory: Memory = NEW_POOL;
  #held: readonly Reason[] = [];
  #isMemoryTold = false;
  readonly #pool: string;
  readonly #diary: Diary;
  readonly #report: (event: PoolEvent) => void;

  constructor(pool: string, diary: Diary, report: (event: PoolEvent) => void) {
    this.#pool = pool;
    this.#diary = diary;
    this.#report = report;
  }

  /** What kept the last decision from giving the pool what it calls for. */
  get held(): readonly Reason[] {
    return this.#held;
  }

  /** The first fill is still to come. */
  reset(): void {
    this.#memory = NEW_POOL;
  }

  /** What it asks of `process.max`. */
  claim(sight: Sight, pm: PmConfig, leaving: number): Claim {
    const present = sight.ready + sight.starting;
    return { ...claimOf(sight, policyOf(pm, this.target), this.#memory), present, leaving };
  }

  decide(snapshot: Snapshot, pm: PmConfig): readonly Action[] {
    const wasAtMax = this.#memory.isAtMax;
    const policy = policyOf(pm, this.target);
    const { actions, memory, why } = decide(snapshot, policy, this.#memory);
    this.#memory = memory;
    this.#held = why.filter(({ code }) => HOLDS_BACK.has(code));
    if (memory.isAtMax && !wasAtMax) this.#reachMax(snapshot, policy);
    this.#tellMemory(snapshot.memoryShort);
    this.#write(snapshot.nowMs, actions, why);
    return actions;
  }

  /** Once an episode: from when it holds something back until there is enough again. */
  #tellMemory(memoryShort: string | null): void {
    const isHeld = this.#held.some(({ code }) => code === 'memory-short');
    if (isHeld && !this.#isMemoryTold)
      this.#report({ type: 'memoryShort', pool: this.#pool, reason: memoryShort ?? '' });
    this.#isMemoryTold = memoryShort !== null && (this.#isMemoryTold || isHeld);
  }

  #reachMax({ load }: Snapshot, policy: Policy): void {
    this.maxChildrenReached++;
    const { maxChildren } = policy;
    const needed = load === null ? maxChildren : neededFor(load.accepted + load.waiting, policy);
    const spare = policy.mode === 'dynamic' ? policy.minSpare : 0;
    this.#report({ type: 'maxChildrenReached', pool: this.#pool, maxChildren, needed, spare });
  }

  /** What changed something, and what kept something from changing. */
  #write(nowMs: number, actions: readonly Action[], why: readonly Reason[]): void {
    const reasons = why.map(becauseOf);
    for (const action of actions) this.#diary.write(nowMs, describeAction(action), reasons);
    if (actions.length === 0 && this.#held.length > 0) this.#diary.write(nowMs, 'start nobody', reasons);
  }
}

const HOLDS_BACK: ReadonlySet<Reason['code']> = new Set([
  'max-children',
  'spawn-rate',
  'process-max',
  'memory-short',
  'backing-off',
  'one-to-try',
]);

function describeAction(action: Action): string {
  const workers = action.count === 1 ? '1 worker' : `${action.count} workers`;
  if (action.type === 'retire') return `retire ${workers}`;
  return action.generation === 'next' ? `start ${workers} of a new generation` : `start ${workers}`;
}
