/** A reload of one pool under way: the generation that is coming up beside the serving one. */
import type { PoolConfig } from '../config/types.ts';

export type RollResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Roll {
  readonly config: PoolConfig;
  readonly generation: number;
  readonly listenerNumber: number;
  readonly done: (result: RollResult) => void;
  /** How many workers of it were asked for. One that dies is not replaced: it cancels the reload. */
  requested: number;
  /** Workers of the serving generation that leave early, where process.max has no room for both. */
  madeRoom: number;
}

export function startRoll(
  config: PoolConfig,
  generation: number,
  listenerNumber: number,
  done: (result: RollResult) => void,
): Roll {
  return { config, generation, listenerNumber, done, requested: 0, madeRoom: 0 };
}
