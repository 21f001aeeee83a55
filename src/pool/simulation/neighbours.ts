/** Sizings near that of a pool, to be tried beside it: half and twice as many of what its rule depends on. */
import type { Policy } from '../scaling/policy.ts';

export interface Neighbour {
  /** What differs, in the words of the configuration. */
  readonly name: string;
  readonly policy: Policy;
}

export function neighbours(policy: Policy): Neighbour[] {
  const { maxChildren } = policy;
  const found: Neighbour[] = [{ name: 'as configured', policy }];
  const add = (name: string, other: Policy): void => {
    if (JSON.stringify(other) !== JSON.stringify(policy)) found.push({ name, policy: other });
  };
  for (const max of [half(maxChildren), maxChildren * 2]) add(`max_children ${max}`, withMax(policy, max));
  if (policy.mode === 'dynamic') {
    for (const factor of [0.5, 2]) {
      const spare = (count: number): number => Math.min(maxChildren, factor === 2 ? count * 2 : half(count));
      const [minSpare, maxSpare] = [spare(policy.minSpare), spare(policy.maxSpare)];
      const startServers = clamp(policy.startServers, minSpare, maxSpare);
      add(`spare ${minSpare} to ${maxSpare}`, { ...policy, minSpare, maxSpare, startServers });
    }
  }
  if (policy.mode !== 'static') {
    for (const idleTimeoutMs of [Math.round(policy.idleTimeoutMs / 2), policy.idleTimeoutMs * 2])
      add(`process_idle_timeout ${idleTimeoutMs / 1000}s`, { ...policy, idleTimeoutMs });
  }
  return found;
}

/** The spare servers cannot be more than all. */
function withMax(policy: Policy, maxChildren: number): Policy {
  if (policy.mode !== 'dynamic') return { ...policy, maxChildren };
  const maxSpare = Math.min(policy.maxSpare, maxChildren);
  const minSpare = Math.min(policy.minSpare, maxSpare);
  return {
    ...policy,
    maxChildren,
    minSpare,
    maxSpare,
    startServers: clamp(policy.startServers, minSpare, maxSpare),
  };
}

function half(count: number): number {
  return Math.max(1, Math.floor(count / 2));
}

function clamp(count: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, count));
}
