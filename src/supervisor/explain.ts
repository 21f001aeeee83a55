/** The decision log of a pool as `explain` answers it. */
import type { Explanation } from '../commands/explain.ts';
import { dateOf } from '../os/clock.ts';
import type { Pool } from '../pool/pool.ts';

export function explanationOf({ name, log }: Pool): Explanation {
  return {
    pool: name,
    decisions: log.entries.map(({ atMs, lastAtMs, times, what, reasons }) => ({
      at: dateOf(atMs).toISOString(),
      last_at: dateOf(lastAtMs).toISOString(),
      times,
      what,
      reasons,
    })),
  };
}
