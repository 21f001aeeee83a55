/** The daemon and its pools as `status` shows them. */

import type { PoolState, PoolStatus, ProcessStatus, Status, WorkerState } from '../observe/status.ts';
import { readStat } from '../os/proc.ts';
import type { Pool } from '../pool/pool.ts';
import { VERSION } from '../version.ts';
import { lookAtWorker } from '../worker/readiness.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import { lostSockets } from './socket-files.ts';
import type { Supervisor } from './supervisor.ts';

export interface StatusFacts {
  readonly keeperPid: number;
  readonly startedAtMs: number;
  readonly isConfigChanged: boolean;
}

export interface StatusWish {
  /** Only this one; undefined: all, by name. */
  readonly pool: string | undefined;
  /** Memory and CPU time of a worker cost a read of /proc each. */
  readonly withProcesses: boolean;
}

/** @throws {FpmError} NO_SUCH_POOL */
export function statusOf(supervisor: Supervisor, facts: StatusFacts, wish: StatusWish): Status {
  const now = supervisor.ports.now();
  const pools = wish.pool === undefined ? byName(supervisor.pools.values()) : [supervisor.pool(wish.pool)];
  const lost = lostSockets(pools);
  return {
    schema: 1,
    version: VERSION,
    pid: facts.keeperPid,
    supervisor_pid: process.pid,
    state: supervisor.state,
    started_at: new Date(facts.startedAtMs).toISOString(),
    uptime_seconds: seconds(now - facts.startedAtMs),
    last_reload: supervisor.lastReload,
    config_changed_on_disk: facts.isConfigChanged,
    pools: pools.map(pool => poolStatus(pool, now, wish, lost.get(pool.name) ?? null)),
  };
}

function byName(pools: Iterable<Pool>): Pool[] {
  return [...pools].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function poolStatus(pool: Pool, now: number, wish: StatusWish, lostSocket: string | null): PoolStatus {
  const workers = [...pool.workers.values()].map(worker => ({ worker, state: workerState(pool, worker) }));
  const count = (state: WorkerState | null): number => workers.filter(it => it.state === state).length;
  const isTold = count(null) === 0;
  const { config } = pool;
  return {
    name: pool.name,
    ...stateOf(pool, lostSocket),
    protocol: config.protocol,
    dispatch: config.dispatch,
    pm: { mode: config.pm.mode, max_children: config.pm.maxChildren },
    listen: { address: config.listen.text },
    // Connections are not observed yet.
    queue: { length: null, max: null, limit: null },
    workers: {
      total: workers.length,
      idle: isTold ? count('idle') : null,
      active: isTold ? count('active') : null,
      starting: count('starting'),
      stopping: count('stopping'),
      max_active: null,
    },
    counters: { ...pool.counters, max_children_reached: 0, slow_requests: 0, accepted_connections: null },
    processes: wish.withProcesses
      ? workers.map(({ worker, state }) => processStatus(worker, state, now))
      : [],
  };
}

function stateOf(
  pool: Pool,
  lostSocket: string | null,
): { readonly state: PoolState; readonly reason: string } {
  if (!pool.isWanted) return { state: pool.isEmpty ? 'stopped' : 'stopping', reason: '' };
  const ready = [...pool.workers.values()].filter(it => it.phase === 'ready').length;
  if (pool.isFailed) return { state: 'failed', reason: pool.lastFailure };
  if (lostSocket !== null) return { state: 'degraded', reason: lostSocket };
  if (ready >= pool.size) return { state: 'running', reason: '' };
  const reason = `${ready} of ${pool.size} workers are ready`;
  if (!pool.hasBeenWhole && !pool.isHopeless) return { state: 'starting', reason };
  return { state: 'degraded', reason: pool.lastFailure === '' ? reason : `${reason}; ${pool.lastFailure}` };
}

function processStatus(worker: WorkerHandle, state: WorkerState | null, now: number): ProcessStatus {
  const stat = readStat(worker.pid);
  return {
    pid: worker.pid,
    state,
    adopted: false,
    uptime_seconds: seconds(now - worker.startedAtMs),
    rss_bytes: stat?.rssBytes ?? null,
    cpu_seconds: stat?.cpuSeconds ?? null,
    generation: worker.generation,
    connection_seconds: null,
  };
}

/** A worker that serves one connection at a time and waits in accept is idle; of others nothing can be told yet. */
function workerState(pool: Pool, worker: WorkerHandle): WorkerState | null {
  if (worker.phase === 'starting') return 'starting';
  if (worker.phase !== 'ready') return 'stopping';
  if (pool.config.pm.workerConcurrency > 1 || pool.config.listen.address.type === 'none') return null;
  return lookAtWorker(worker.pid, pool.config.listen.pass === 'systemd' ? 3 : 0) === 'accepting'
    ? 'idle'
    : null;
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
