/**
 * How php-fpm sizes a dynamic pool, written down from what its documentation and its behaviour say: one turn a second; below
 * pm.min_spare_servers it starts what is missing, at most 1, 2, 4, … up to pm.max_spawn_rate; above
 * pm.max_spare_servers one idle worker leaves a turn. A worker that dies is replaced at once, always.
 */

export const PHP_FPM_TICK_MS = 1000;

export interface PhpFpmPolicy {
  readonly maxChildren: number;
  readonly minSpare: number;
  readonly maxSpare: number;
  /** php-fpm's own default. */
  readonly maxSpawnRate: 32;
}

export interface PhpFpmDecision {
  readonly spawn: number;
  readonly retire: number;
  /** What it would start at most in the next turn. */
  readonly spawnRate: number;
}

export function phpFpmDecides(
  { running, active }: { readonly running: number; readonly active: number },
  policy: PhpFpmPolicy,
  spawnRate: number,
): PhpFpmDecision {
  const idle = running - active;
  if (idle > policy.maxSpare) return { spawn: 0, retire: 1, spawnRate: 1 };
  if (idle >= policy.minSpare) return { spawn: 0, retire: 0, spawnRate: 1 };
  const spawn = Math.min(spawnRate, policy.minSpare - idle, policy.maxChildren - running);
  // At max_children it warns, and leaves the rate as it is.
  if (spawn <= 0) return { spawn: 0, retire: 0, spawnRate };
  return { spawn, retire: 0, spawnRate: Math.min(policy.maxSpawnRate, spawnRate * 2) };
}
