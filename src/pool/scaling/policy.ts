/** How a pool is to be sized: the settings under `pm` and what `scale` said, as `decide` takes them. */
import type { PoolConfig } from '../../config/types.ts';

interface Sizing {
  readonly maxChildren: number;
  /** Workers a second, in any second. */
  readonly maxSpawnRate: number;
  /** Connections that one worker serves at a time. */
  readonly workerConcurrency: number;
  /** process_idle_timeout: how far back the peak demand counts that retiring must leave room for. */
  readonly idleTimeoutMs: number;
  /** What `fpm-ts scale` or `pause` asked for: that many workers, in place of the rule and of maxChildren; null: nothing. */
  readonly scaledTo: number | null;
  /** It was `pause`. */
  readonly isPaused?: boolean;
}

export interface StaticPolicy extends Sizing {
  readonly mode: 'static';
}

export interface DynamicPolicy extends Sizing {
  readonly mode: 'dynamic';
  readonly startServers: number;
  readonly minSpare: number;
  readonly maxSpare: number;
}

export interface OnDemandPolicy extends Sizing {
  readonly mode: 'ondemand';
}

export type Policy = StaticPolicy | DynamicPolicy | OnDemandPolicy;

export function policyOf(pm: PoolConfig['pm'], scaledTo: number | null, isPaused = false): Policy {
  const { mode, maxChildren, maxSpawnRate, workerConcurrency, processIdleTimeoutMs: idleTimeoutMs } = pm;
  const sizing = { maxChildren, maxSpawnRate, workerConcurrency, idleTimeoutMs, scaledTo, isPaused };
  if (mode !== 'dynamic') return { ...sizing, mode };
  // A dynamic pool without these does not get past the configuration's rules.
  const { minSpareServers: minSpare = 1, maxSpareServers: maxSpare = maxChildren } = pm;
  return { ...sizing, mode, minSpare, maxSpare, startServers: pm.startServers ?? minSpare };
}

/** A size that does not follow the load: a static pool's, or what `scale` or `pause` said; null: the load decides. */
export function fixedSize(policy: Policy): number | null {
  return policy.scaledTo ?? (policy.mode === 'static' ? policy.maxChildren : null);
}

/** How many workers so many connections keep busy. */
export function neededFor(connections: number, policy: Policy): number {
  return Math.ceil(connections / policy.workerConcurrency);
}
