/** What a benchmark is, and the numbers that they all need. */
import type { Program } from '../lib/needs.ts';
import type { Place } from '../lib/place.ts';

export interface Effort {
  /** How often each contestant is started anew. */
  readonly rounds: number;
  /** How often each contestant that runs all the time is loaded: often and briefly, as other work comes and goes. */
  readonly loadRounds: number;
  /** How long one load lasts. */
  readonly loadSeconds: number;
  /** How long idle processes are watched. */
  readonly idleSeconds: number;
  /** How long each storm lasts, and a murderer is about. */
  readonly stormSeconds: number;
  /** With how many pools `pools` is done. */
  readonly poolCounts: readonly number[];
}

export const QUICK: Effort = {
  rounds: 4,
  loadRounds: 10,
  loadSeconds: 2,
  idleSeconds: 20,
  stormSeconds: 3,
  poolCounts: [10, 300],
};
export const LONG: Effort = {
  rounds: 12,
  loadRounds: 30,
  loadSeconds: 5,
  idleSeconds: 120,
  stormSeconds: 30,
  poolCounts: [1, 10, 100, 300],
};

export interface Report {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Ratios and what else the numbers say, a sentence each. */
  readonly notes: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  /** What is compared, in a line. */
  readonly subject: string;
  readonly needs: readonly Program[];
  /** Everything that it starts is deferred to `place`. */
  run(place: Place, effort: Effort): Promise<readonly Report[]>;
}

/** Of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[middle - (sorted.length % 2 === 0 ? 1 : 0)];
  if (upper === undefined || lower === undefined) throw new Error('the median of nothing');
  return (lower + upper) / 2;
}

/** Measured values that belong together: `0.991 (0.975 to 1.004)`. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  return `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

/** A B, B A, A B, …: what changes steadily during the run favours nobody. */
export function inTurn<T>(contestants: readonly T[], rounds: number): T[][] {
  return Array.from({ length: rounds }, (_, round) =>
    round % 2 === 0 ? [...contestants] : contestants.toReversed(),
  );
}

/** Thousands separated, no decimals. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function ratio(value: number): string {
  return value.toFixed(3);
}

/** Bytes as "12.3 MB"; a MB is 1,000,000 bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
