/** The most connections that a pool had at a time, within a window that ends now. Pure: time comes in. */

interface Sight {
  readonly atMs: number;
  readonly connections: number;
}

export interface Demand {
  /** Since when it has been watched without a gap; null: not yet. */
  readonly sinceMs: number | null;
  /** What can still be the peak of some later window: the oldest is the highest, each later one lower. */
  readonly sights: readonly Sight[];
}

export const UNWATCHED: Demand = { sinceMs: null, sights: [] };

/** A look at the pool: `connections` were served or waited at `nowMs`. Forgets what the window has left behind. */
export function afterSight(demand: Demand, connections: number, nowMs: number, windowMs: number): Demand {
  const sights = demand.sights.filter(
    sight => sight.connections > connections && sight.atMs > nowMs - windowMs,
  );
  sights.push({ atMs: nowMs, connections });
  return { sinceMs: demand.sinceMs ?? nowMs, sights };
}

/** The peak as of the last look; 0 before the first. */
export function peakOf(demand: Demand): number {
  return demand.sights[0]?.connections ?? 0;
}

/** Whether the peak speaks for a whole window: one that has been watched for less knows too little to retire. */
export function isWatchedLongEnough(demand: Demand, nowMs: number, windowMs: number): boolean {
  return demand.sinceMs !== null && nowMs - demand.sinceMs >= windowMs;
}
