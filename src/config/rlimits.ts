/** The resource limits that a pool sets; the others are inherited. */
import type { Limit } from './schema/kinds.ts';
import type { PoolConfig } from './types.ts';

export type Rlimit = 'files' | 'core' | 'nproc' | 'as' | 'memlock';

/** In the order in which they are set. `core`, `as` and `memlock` are bytes. */
export function rlimitsOf(pool: PoolConfig): (readonly [Rlimit, Limit])[] {
  const all: (readonly [Rlimit, Limit | undefined])[] = [
    ['files', pool.rlimitFiles],
    ['core', pool.rlimitCore],
    ['nproc', pool.rlimitNproc],
    ['as', pool.rlimitAs],
    ['memlock', pool.rlimitMemlock],
  ];
  return all.flatMap(([name, limit]) => (limit === undefined ? [] : [[name, limit] as const]));
}
