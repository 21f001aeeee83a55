/** The diary of a pool as `explain` answers it. */
import type { Explanation } from '../control/types.ts';
import { dateOf } from '../os/clock.ts';
import type { PoolFacts } from '../pool/pool-facts.ts';

export function explanationOf(pool: PoolFacts): Explanation {
  return {
    pool: pool.name,
    decisions: pool.diary.entries.map(({ atMs, lastAtMs, times, what, reasons }) => ({
      at: dateOf(atMs).toISOString(),
      last_at: dateOf(lastAtMs).toISOString(),
      times,
      what,
      reasons,
    })),
  };
}
