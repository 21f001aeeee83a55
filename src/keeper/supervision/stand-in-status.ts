/**
 * `status` as the keeper can tell it: which workers there are, and nothing of what they do. What only a supervisor
 * knows is null. The form is that of the supervisor's (docs/openapi.json).
 */
import { readStat } from '../../os/proc.ts';
import type { StandInPool } from './stand-in-view.ts';

export interface StandInFacts {
  readonly version: string;
  readonly keeperPid: number;
  /** When the daemon was started, by the wall clock, and for how long it has run. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  /** By the same clock as `startedAtMs` of a worker. */
  readonly nowMs: number;
  /** Why there is no supervisor: a sentence. */
  readonly reason: string;
  readonly isStopping: boolean;
  readonly lastReload: unknown;
  readonly lastUpgrade: unknown;
  readonly pools: readonly StandInPool[];
  /** That run, of all pools. */
  readonly workers: readonly StandInWorker[];
}

export interface StandInWorker {
  readonly pid: number;
  readonly pool: string;
  readonly startedAtMs: number;
  readonly isAdopted: boolean;
}

const UNKNOWN_COUNTERS = {
  spawned: null,
  exited: null,
  crashed: null,
  max_children_reached: null,
  slow_requests: null,
  reloads: null,
  accepted_connections: null,
};

export function standInStatus(facts: StandInFacts): object {
  const { version, keeperPid, startedAt, uptimeMs, isStopping, reason, lastReload, lastUpgrade } = facts;
  return {
    schema: 1,
    version,
    pid: keeperPid,
    supervisor_pid: null,
    state: isStopping ? 'stopping' : 'degraded',
    reason,
    started_at: startedAt,
    uptime_seconds: seconds(uptimeMs),
    last_reload: lastReload,
    last_upgrade: lastUpgrade,
    config_changed_on_disk: null,
    needs_restart: null,
    running_settings: null,
    pools: facts.pools.map(pool => poolStatus(pool, facts)),
  };
}

function poolStatus(pool: StandInPool, { workers, nowMs, isStopping }: StandInFacts): object {
  const { name, protocol, dispatch, pm, address, isWanted, isPaused } = pool;
  const own = workers.filter(worker => worker.pool === name);
  return {
    name,
    ...stateOf(isWanted && !isStopping, own.length),
    paused: isPaused,
    protocol,
    dispatch,
    pm,
    listen: { address },
    queue: { length: null, max: null, limit: null },
    workers: {
      total: own.length,
      idle: null,
      active: null,
      starting: null,
      stopping: null,
      max_active: null,
    },
    counters: UNKNOWN_COUNTERS,
    reload: null,
    processes: own.map(({ pid, startedAtMs, isAdopted }) => {
      const stat = readStat(pid);
      return {
        pid,
        state: null,
        adopted: isAdopted,
        uptime_seconds: seconds(nowMs - startedAtMs),
        rss_bytes: stat?.rssBytes ?? null,
        cpu_seconds: stat?.cpuSeconds ?? null,
        generation: null,
        connection_seconds: null,
      };
    }),
  };
}

function stateOf(isWanted: boolean, workers: number): { readonly state: string; readonly reason: string } {
  if (!isWanted) return { state: workers === 0 ? 'stopped' : 'stopping', reason: '' };
  return { state: 'degraded', reason: 'there is no supervisor: a worker that ends is not replaced' };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
