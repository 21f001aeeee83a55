/**
 * Many crashes in a short time, told as one event that begins and ends: what php-fpm's emergency_restart_threshold is
 * for, without restarting anybody who is well. Pure: time comes in, the memory goes out.
 */

/** What a program dies of that has wrecked its memory, or found that it had. */
const CRASH_SIGNALS: ReadonlySet<string | null> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT']);

/** So many crashes within the interval are a storm; it ends when the interval passes without one. */
export const STORM_CRASHES = 5;
export const STORM_INTERVAL_MS = 10_000;

export interface StormMemory {
  /** When the crashes of the last interval were, the oldest first; not kept on in a storm. */
  readonly recentMs: readonly number[];
  readonly storm: Storm | null;
}

export interface Storm {
  /** Of its first crash and of its last. */
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly crashes: number;
}

export const CALM: StormMemory = { recentMs: [], storm: null };

export function isCrash(signal: string | null): boolean {
  return CRASH_SIGNALS.has(signal);
}

export function afterCrash({ recentMs, storm }: StormMemory, nowMs: number): StormMemory {
  if (storm !== null) return { recentMs: [], storm: { ...storm, lastMs: nowMs, crashes: storm.crashes + 1 } };
  const recent = [...recentMs.filter(atMs => nowMs - atMs < STORM_INTERVAL_MS), nowMs];
  const [sinceMs = nowMs] = recent;
  if (recent.length < STORM_CRASHES) return { recentMs: recent, storm: null };
  return { recentMs: [], storm: { sinceMs, lastMs: nowMs, crashes: recent.length } };
}

/** Time passes without a crash. */
export function afterCalm(memory: StormMemory, nowMs: number): StormMemory {
  const { storm } = memory;
  return storm !== null && nowMs - storm.lastMs >= STORM_INTERVAL_MS ? CALM : memory;
}
