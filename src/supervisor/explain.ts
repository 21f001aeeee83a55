/** The diary of a pool as `explain` answers it. */
import type { Explanation } from '../control/types.ts';
import type { Pool } from '../pool/pool.ts';

export function explanationOf(pool: Pool): Explanation {
  return {
    pool: pool.name,
    decisions: pool.diary.entries.map(({ atMs, lastAtMs, times, what, reasons }) => ({
      at: new Date(atMs).toISOString(),
      last_at: new Date(lastAtMs).toISOString(),
      times,
      what,
      reasons,
    })),
  };
}
