/**
 * `pm.max_spawn_rate`: how many workers may be started now, so that no second, wherever it begins, sees more of
 * them. A token bucket would let twice as many through in the second after a quiet one. Pure: time comes in.
 */

const SECOND_MS = 1000;

/** What was started within the last second, the oldest first. */
export type RecentSpawns = readonly { readonly atMs: number; readonly count: number }[];

/** How many of `perSecond` are left. */
export function spawnsLeft(recent: RecentSpawns, perSecond: number, nowMs: number): number {
  const started = withinSecond(recent, nowMs).reduce((sum, { count }) => sum + count, 0);
  return Math.max(0, perSecond - started);
}

export function afterSpawns(recent: RecentSpawns, count: number, nowMs: number): RecentSpawns {
  const kept = withinSecond(recent, nowMs);
  return count === 0 ? kept : [...kept, { atMs: nowMs, count }];
}

function withinSecond(recent: RecentSpawns, nowMs: number): RecentSpawns {
  const isAllRecent = recent.every(({ atMs }) => atMs > nowMs - SECOND_MS);
  return isAllRecent ? recent : recent.filter(({ atMs }) => atMs > nowMs - SECOND_MS);
}
