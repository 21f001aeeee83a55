/** Which workers have used too much memory or are too old, and are to be replaced. Pure. */
import type { Reason } from './scaling/why.ts';

export interface RecyclingRule {
  /** Anonymous memory and swap of a worker with its children; 0 is off. */
  readonly maxMemoryBytes: number;
  /** 0 is off. */
  readonly maxLifetimeMs: number;
  /** A fraction of maxLifetimeMs. */
  readonly maxLifetimeJitter: number;
}

export interface Candidate {
  readonly pid: number;
  readonly startedAtMs: number;
  /** As it was last measured; null: not yet. */
  readonly memoryBytes: number | null;
}

export interface Due {
  readonly pid: number;
  readonly why: Extract<Reason, { code: 'max-memory' | 'max-lifetime' }>;
}

/** One in ten is replaced at a time, and at least one. */
export function placesAtOnce(workers: number): number {
  return Math.max(1, Math.floor(workers / 10));
}

/** Those that are to be replaced, those that use too much memory first, the worst of them at the front. */
export function whoIsDue(candidates: readonly Candidate[], rule: RecyclingRule, nowMs: number): Due[] {
  const { maxMemoryBytes } = rule;
  const isFat = ({ memoryBytes }: Candidate): boolean =>
    maxMemoryBytes > 0 && memoryBytes !== null && memoryBytes > maxMemoryBytes;
  const fat = candidates.filter(isFat).toSorted((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0));
  const old = candidates
    .filter(it => !isFat(it) && rule.maxLifetimeMs > 0 && nowMs - it.startedAtMs >= lifetimeMs(it.pid, rule))
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  return [
    ...fat.map(({ pid, memoryBytes }) => ({
      pid,
      why: { code: 'max-memory', memoryBytes: memoryBytes ?? 0, maxMemoryBytes } as const,
    })),
    ...old.map(({ pid, startedAtMs }) => ({
      pid,
      why: { code: 'max-lifetime', ageMs: nowMs - startedAtMs, maxLifetimeMs: rule.maxLifetimeMs } as const,
    })),
  ];
}

/**
 * How old a worker may become: max_lifetime, or earlier by up to its jitter. It follows from the pid, so that another
 * supervisor comes to the same.
 */
export function lifetimeMs(
  pid: number,
  { maxLifetimeMs, maxLifetimeJitter }: Pick<RecyclingRule, 'maxLifetimeMs' | 'maxLifetimeJitter'>,
): number {
  return maxLifetimeMs * (1 - Math.min(1, maxLifetimeJitter) * fraction(pid));
}

/** From 0 to 1, far apart for numbers that follow each other (Knuth's multiplicative hash). */
function fraction(pid: number): number {
  return (Math.imul(pid, 2_654_435_761) >>> 0) / 2 ** 32;
}

const SHORTEST_LOOK_MS = 500;
const LONGEST_LOOK_MS = 5000;

interface Measured {
  readonly atMs: number;
  readonly memoryBytes: number;
}

/**
 * When a worker's memory is to be measured again: when it would be above the limit if it grew twice as fast as between
 * the last two looks.
 */
export function nextLookMs(before: Measured | null, last: Measured, maxMemoryBytes: number): number {
  if (before === null) return last.atMs + SHORTEST_LOOK_MS;
  const grownBytes = last.memoryBytes - before.memoryBytes;
  const leftBytes = maxMemoryBytes - last.memoryBytes;
  const inMs = grownBytes <= 0 ? LONGEST_LOOK_MS : ((last.atMs - before.atMs) * leftBytes) / (2 * grownBytes);
  return last.atMs + Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, inMs));
}
