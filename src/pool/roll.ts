/** A reload of one pool under way: the generation that is coming up beside the serving one. */
import type { PoolConfig } from '../config/types.ts';
import type { Generation } from './generation.ts';

export type RollResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Roll {
  generation: Generation;
  /** How many workers it is to have before it serves. */
  readonly size: number;
  /** What `scale` said, where it outlives the roll because nobody asked for one. */
  readonly target: number | null;
  /** How many workers the serving generation had. */
  readonly servingBefore: number;
  readonly done: (result: RollResult) => void;
  /** How many workers of it were asked for. One that dies is not replaced: it cancels the reload. */
  requested: number;
  /** Where there is no room for both, the serving generation may have so many; null: there is room. */
  servingLimit: number | null;
}

/**
 * How many workers a new generation needs to take over: as many as serve now. An on-demand pool without any tries one.
 * @param staying workers that serve now; target: what `scale` said
 */
export function rollSize({ pm }: PoolConfig, staying: number, target: number | null): number {
  if (target !== null) return Math.max(1, target);
  if (pm.mode === 'static') return pm.maxChildren;
  const least = pm.mode === 'dynamic' ? (pm.startServers ?? 1) : 1;
  return Math.min(pm.maxChildren, Math.max(least, staying));
}
