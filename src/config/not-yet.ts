/**
 * Settings whose effect this version does not have. Each is read and validated, and refused when it asks for
 * that effect, because a setting that is silently ignored is worse than one that is missing. Whoever builds
 * the effect deletes the entry.
 */
import type { GlobalKeys, PoolKeys } from './schema.ts';

export interface NotYet<Keys> {
  readonly key: string;
  /** Whether the value asks for what is not there. */
  asks(keys: Keys): boolean;
  readonly remedy: string;
}

export const POOL_NOT_YET: readonly NotYet<PoolKeys>[] = [
  { key: 'dispatch', asks: it => it.dispatch === 'broker', remedy: 'write: dispatch = "shared"' },
];

export const GLOBAL_NOT_YET: readonly NotYet<GlobalKeys>[] = [];
