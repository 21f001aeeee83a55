/** The daemon and its pools as `status` shows them. */

import type { PoolState, PoolStatus, ProcessStatus, Status, WorkerState } from '../observe/status.ts';
import { readStat } from '../os/proc.ts';
import type { Pool } from '../pool/pool.ts';
import { VERSION } from '../version.ts';
import { lookAtWorker } from '../worker/readiness.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Supervisor } from './supervisor.ts';

export interface StatusFacts {
  readonly keeperPid: number;
  readonly startedAtMs: number;
  readonly isConfigChanged: boolean;
}

export function statusOf(supervisor: Supervisor, facts: StatusFacts, pools: readonly Pool[]): Status {
  const now = supervisor.ports.now();
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
    pools: pools.map(pool => poolStatus(pool, now)),
  };
}

function poolStatus(pool: Pool, now: number): PoolStatus {
  const processes = [...pool.workers.values()].map(worker => processStatus(pool, worker, now));
  const count = (state: WorkerState | null): number => processes.filter(it => it.state === state).length;
  const isTold = count(null) === 0;
  const { config } = pool;
  return {
    name: pool.name,
    ...stateOf(pool),
    protocol: config.protocol,
    dispatch: config.dispatch,
    pm: { mode: config.pm.mode, max_children: config.pm.maxChildren },
    listen: { address: config.listen.text },
    // Connections are not observed yet.
    queue: { length: null, max: null, limit: null },
    workers: {
      total: processes.length,
      idle: isTold ? count('idle') : null,
      active: isTold ? count('active') : null,
      starting: count('starting'),
      stopping: count('stopping'),
      max_active: null,
    },
    counters: { ...pool.counters, max_children_reached: 0, slow_requests: 0, accepted_connections: null },
    processes,
  };
}

function stateOf(pool: Pool): { readonly state: PoolState; readonly reason: string } {
  if (!pool.isWanted) return { state: pool.isEmpty ? 'stopped' : 'stopping', reason: '' };
  const ready = [...pool.workers.values()].filter(it => it.phase === 'ready').length;
  if (pool.isFailed) return { state: 'failed', reason: pool.lastFailure };
  if (ready >= pool.size) return { state: 'running', reason: '' };
  const reason = `${ready} of ${pool.size} workers are ready`;
  if (!pool.hasBeenWhole && !pool.isHopeless) return { state: 'starting', reason };
  return { state: 'degraded', reason: pool.lastFailure === '' ? reason : `${reason}; ${pool.lastFailure}` };
}

function processStatus(pool: Pool, worker: WorkerHandle, now: number): ProcessStatus {
  const stat = readStat(worker.pid);
  return {
    pid: worker.pid,
    state: workerState(pool, worker),
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
