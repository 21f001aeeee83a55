/** What may be true after commands that overlapped: whatever the last of them in some order would leave. */
import type { Kind, Operation } from './operations.ts';

export type PoolState = 'running' | 'stopped' | 'absent';

/** What `scale` said, or null: what the configuration says. */
export type Size = number | null;

/** An operation that was begun. */
export interface Done {
  readonly operation: Operation;
  readonly beginMs: number;
  /** Infinity: under way. */
  endMs: number;
  /** Of its command; null: it has none, or was killed after its deadline. */
  code: number | null;
  output: string;
  /** What its pools are when it has worked; null: what they were before. */
  outcome: PoolState | null;
  /** The worker that it killed. */
  killed: number | null;
  /** The workers of each pool when it began. */
  readonly before: ReadonlyMap<string, readonly number[]>;
}

/** They read the files of all pools. */
const READS_ALL: readonly Kind[] = ['reload', 'reload-changed', 'remove', 'add', 'broken-file'];
const KILLS_OURS: readonly Kind[] = ['kill-supervisor', 'kill-keeper'];

export function concerns({ operation }: Done, pool: string): boolean {
  return (
    operation.pools.includes(pool) ||
    READS_ALL.includes(operation.kind) ||
    KILLS_OURS.includes(operation.kind)
  );
}

function overlap(a: Done, b: Done): boolean {
  return a.beginMs <= b.endMs && b.beginMs <= a.endMs;
}

/** Nothing else that concerns its pools was under way at any time of it; of one that concerns all, nothing at all. */
export function isAlone(it: Done, all: readonly Done[]): boolean {
  const { pools, kind } = it.operation;
  return all.every(other => {
    if (other === it || !overlap(it, other)) return true;
    const isOfAll = pools.length === 0 || READS_ALL.includes(kind);
    return !isOfAll && !pools.some(pool => concerns(other, pool));
  });
}

interface Effect<T> {
  readonly beginMs: number;
  readonly endMs: number;
  readonly value: T;
  /** The command said that it is so. */
  readonly isCertain: boolean;
}

/** A certain effect wipes out whatever was over before it began. */
function possible<T>(before: ReadonlySet<T>, effects: readonly Effect<T>[]): Set<T> {
  const certain = effects.filter(it => it.isCertain);
  const lasting = effects.filter(it => !certain.some(other => other.beginMs > it.endMs));
  const values = new Set(lasting.map(it => it.value));
  if (certain.length === 0) for (const value of before) values.add(value);
  return values;
}

/** @param hasFile whether the pool is one of the configuration now */
export function possibleStates(
  pool: string,
  before: ReadonlySet<PoolState>,
  all: readonly Done[],
  hasFile: boolean,
): Set<PoolState> {
  const effects = all.flatMap((it): Effect<PoolState>[] => {
    const { beginMs, endMs, operation, code, outcome } = it;
    // The next keeper starts what the files say, and goes on with what it finds.
    if (operation.kind === 'kill-keeper')
      return [{ beginMs, endMs, value: hasFile ? 'running' : 'absent', isCertain: false }];
    if (!operation.pools.includes(pool) || outcome === null) return [];
    return [{ beginMs, endMs, value: outcome, isCertain: code === 0 }];
  });
  return possible(before, effects);
}

export function possibleSizes(
  pool: string,
  before: ReadonlySet<Size>,
  all: readonly Done[],
  most: number,
): Set<Size> {
  const effects = all.flatMap((it): Effect<Size>[] => {
    const { beginMs, endMs, operation, code } = it;
    const { kind } = operation;
    if (kind === 'scale' && operation.pools.includes(pool))
      return [{ beginMs, endMs, value: sizeOf(operation, most), isCertain: code === 0 }];
    if (!concerns(it, pool)) return [];
    // A reload ends what `scale` said, but not that of a pool that is stopped.
    const rolls = kind === 'reload' || kind === 'reload-pool';
    const isStopped = all.some(other => other.operation.pools.includes(pool) && other.outcome !== null);
    return [{ beginMs, endMs, value: null, isCertain: rolls && code === 0 && !isStopped }];
  });
  return possible(before, effects);
}

/** Never none: then nobody would answer. */
export function sizeOf({ luck }: Operation, most: number): number {
  return 1 + Math.floor(luck * most);
}
