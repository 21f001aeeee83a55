/** Values without effect. One that several pools share, by [defaults] or a template, is for those that have a use for it. */
import type { LoadedPool } from './load-pool.ts';
import type { Problem, ProblemPlace } from './problems.ts';

/** The notices about values that have no effect in any pool that takes them from the same place. */
export function unusedByAll(pools: readonly LoadedPool[]): readonly Problem[] {
  return pools
    .flatMap(({ unused }) => unused)
    .filter(it => pools.every(pool => !takes(pool, it) || pool.unused.some(other => isSame(other, it))));
}

function takes({ places }: LoadedPool, { key, ...place }: Problem): boolean {
  const taken = key === null ? undefined : places.get(key);
  return taken !== undefined && isSame(taken, place);
}

function isSame(a: ProblemPlace, b: ProblemPlace): boolean {
  return a.file === b.file && a.line === b.line && a.column === b.column;
}
