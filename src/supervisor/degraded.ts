/** What this process is not permitted to see or do, and what is lost by it: told once, at the start. */
import type { PoolConfig } from '../config/types.ts';
import { effectiveCapabilities } from '../os/capabilities.ts';
import { socketTableLimits } from '../os/socket-tables.ts';

/** A sentence each. */
export function degradations(pools: readonly PoolConfig[]): string[] {
  return [...socketTableLimits(), ...withoutPtrace(pools)];
}

/** proc(5): /proc/PID/fd of another user's process is read with PTRACE_MODE_READ_FSCREDS. */
function withoutPtrace(pools: readonly PoolConfig[]): string[] {
  const isRoot = process.geteuid?.() === 0;
  const others = pools.filter(({ user }) => user !== undefined && user !== 'root' && user !== '0');
  if (!isRoot || others.length === 0 || effectiveCapabilities().has('sys_ptrace')) return [];
  return [
    'CAP_SYS_PTRACE is missing, so what workers of other users hold cannot be seen: a worker counts as ready when it has ' +
      'lived for a second, an old generation leaves when none of its connections is left, and a single worker of a ' +
      'program that is not graceful only when the whole pool is idle; give fpm-ts that capability (docker run ' +
      '--cap-add SYS_PTRACE, systemd: CapabilityBoundingSet)',
  ];
}
