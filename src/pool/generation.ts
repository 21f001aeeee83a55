/** What the workers of a pool have in common that were started together. */
import type { PoolConfig } from '../config/types.ts';
import type { PoolListener } from './pool-listener.ts';

/** Workers that were started with one configuration, and the socket that they serve. */
export interface Generation {
  readonly number: number;
  readonly config: PoolConfig;
  /** null: the pool has none. Generations share one that is not ours to replace. */
  readonly listener: PoolListener | null;
}
