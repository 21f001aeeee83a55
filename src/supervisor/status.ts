/** The daemon and its pools as `status` shows them. */
import type { StatusWish } from '../commands/service.ts';
import { globalSettings } from '../config/settings.ts';
import type { LastUpgrade } from '../keeper/notes.ts';
import { type ListenerLoad, lookAtSockets } from '../observe/sockets.ts';
import type {
  LastReload,
  PoolState,
  PoolStatus,
  ProcessStatus,
  Status,
  WorkerState,
} from '../observe/status.ts';
import { readStat } from '../os/proc.ts';
import { activeWorkers } from '../pool/observation/load-meter.ts';
import type { Pool } from '../pool/pool.ts';
import {
  comingOf,
  countersOf,
  failureOf,
  hasGivenUp,
  heldBackText,
  isClosed,
  isFailed,
  isWanted,
  presenceOf,
  sizeOf,
} from '../pool/pool-state.ts';
import { VERSION } from '../version.ts';
import type { Worker } from '../worker/worker.ts';
import { lostSockets } from './socket-files.ts';
import type { Supervisor } from './supervisor.ts';

export interface StatusFacts {
  readonly keeperPid: number;
  readonly startedAtMs: number;
  readonly startedAt: string;
  readonly isConfigChanged: boolean;
  readonly lastReload: LastReload | null;
  readonly lastUpgrade: LastUpgrade | null;
}

/** @throws {FpmError} NO_SUCH_POOL */
export function statusOf(supervisor: Supervisor, facts: StatusFacts, wish: StatusWish): Status {
  const now = supervisor.ports.clock.nowMs();
  const pools = wish.pools?.map(name => supervisor.pool(name)) ?? byName(supervisor.pools.values());
  const lost = lostSockets(pools.map(({ state }) => state));
  const loads = lookAtSockets(
    pools.flatMap(({ state: { listener } }) =>
      listener === null ? [] : [{ inode: listener.inode, withConnections: true }],
    ),
  );
  return {
    schema: 1,
    version: VERSION,
    pid: facts.keeperPid,
    supervisor_pid: process.pid,
    state: supervisor.state,
    reason: '',
    started_at: facts.startedAt,
    uptime_seconds: seconds(now - facts.startedAtMs),
    last_reload: facts.lastReload,
    last_upgrade: facts.lastUpgrade,
    config_changed_on_disk: facts.isConfigChanged,
    needs_restart: supervisor.settings.pending.map(({ key, running, wanted }) => ({
      key,
      running: running ?? null,
      wanted: wanted ?? null,
    })),
    running_settings: globalSettings(supervisor.config),
    pools: pools.map(pool =>
      poolStatus(pool, now, wish, {
        load: loads.get(pool.state.listener?.inode ?? -1) ?? null,
        lost: lost.get(pool.name) ?? supervisor.logFiles.failureOf(pool.state.config),
      }),
    ),
  };
}

function byName(pools: Iterable<Pool>): Pool[] {
  return [...pools].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Seen {
  /** null: it has no listener, or we may not look. */
  readonly load: ListenerLoad | null;
  /** Why clients do not find its socket, or its log is not where it should be; null: all is in its place. */
  readonly lost: string | null;
}

function poolStatus(pool: Pool, now: number, wish: StatusWish, { load, lost }: Seen): PoolStatus {
  const { state, meter } = pool;
  const { config } = state;
  const workers = [...state.workers.values()];
  const ready = workers.filter(it => it.phase === 'ready').length;
  const starting = workers.filter(it => it.phase === 'starting').length;
  const active = load?.accepted ? activeWorkers(load.accepted, ready, config.pm.workerConcurrency) : null;
  return {
    name: pool.name,
    ...stateOf(pool, lost, now),
    paused: state.pausedAt !== null,
    protocol: config.protocol,
    dispatch: config.dispatch,
    pm: { mode: config.pm.mode, max_children: config.pm.maxChildren },
    listen: { address: config.listen.address.text },
    queue: {
      length: load?.waiting ?? null,
      max: maxOf(meter.maxWaiting, load?.waiting ?? null),
      limit: load?.limit ?? null,
    },
    workers: {
      total: workers.length,
      idle: active === null ? null : ready - active,
      active,
      starting,
      stopping: workers.length - ready - starting,
      max_active: maxOf(meter.maxActive, active),
    },
    counters: { ...countersOf(state), accepted_connections: null },
    reload: comingOf(state),
    processes: wish.withProcesses ? workers.map(worker => processStatus(pool, worker, load, now)) : [],
  };
}

/** The peak that was noted, or what is seen now. */
function maxOf(noted: number | null, now: number | null): number | null {
  return noted === null ? now : Math.max(noted, now ?? 0);
}

function stateOf(
  { state }: Pool,
  lost: string | null,
  now: number,
): { readonly state: PoolState; readonly reason: string } {
  if (!isWanted(state)) return { state: isClosed(state) ? 'stopped' : 'stopping', reason: '' };
  const { health } = state;
  if (isFailed(state)) return { state: 'failed', reason: failureOf(state) };
  if (lost !== null) return { state: 'degraded', reason: lost };
  let ready = 0;
  for (const { phase } of state.workers.values()) if (phase === 'ready') ready++;
  const size = sizeOf(state);
  const heldBackBy = heldBackText(state);
  // A pool of its size may still lack workers for its load.
  if (ready >= size || isRecycling(state, size - ready, now))
    return { state: 'running', reason: heldBackBy === '' ? pauseText(state) : heldBackBy };
  const reason = `${ready} of ${size} workers are ready`;
  if (!state.hasBeenWhole && !hasGivenUp(state)) return { state: 'starting', reason };
  const why = health.lastFailure === '' ? heldBackBy : health.lastFailure;
  return { state: 'degraded', reason: why === '' ? reason : `${reason}; ${why}` };
}

function pauseText({ pausedAt, config }: Pool['state']): string {
  if (pausedAt === null) return '';
  return `it is paused and keeps its number of workers until \`fpm-ts resume ${config.name}\``;
}

/** Workers that served and ended with 0 are being replaced: nothing is wrong. */
function isRecycling(state: Pool['state'], missing: number, now: number): boolean {
  const { recycledAtMs, config, health } = state;
  const isRecent = now - recycledAtMs < config.startTimeoutMs;
  return isRecent && health.restart.failedAttempts === 0 && presenceOf(state).starting >= missing;
}

function processStatus(pool: Pool, worker: Worker, load: ListenerLoad | null, now: number): ProcessStatus {
  const stat = readStat(worker.pid);
  const held = load?.accepted ? pool.connectionsOf(worker.pid, load.accepted) : null;
  return {
    pid: worker.pid,
    state: workerState(worker, held),
    adopted: worker.isAdopted,
    uptime_seconds: seconds(now - worker.startedAtMs),
    rss_bytes: stat?.rssBytes ?? null,
    cpu_seconds: stat?.cpuSeconds ?? null,
    generation: worker.generation,
    connection_seconds: connectionSeconds(pool, held, now),
  };
}

/** @param held its connections. @returns null: ready, but whether it is busy cannot be told */
function workerState(worker: Worker, held: readonly number[] | null): WorkerState | null {
  if (worker.phase === 'starting') return 'starting';
  if (worker.phase !== 'ready') return 'stopping';
  if (held === null) return null;
  return held.length > 0 ? 'active' : 'idle';
}

/** Since when it has the oldest of its connections; null: it has none, or that cannot be told. */
function connectionSeconds({ meter }: Pool, held: readonly number[] | null, now: number): number | null {
  if (held === null || held.length === 0) return null;
  return seconds(now - Math.min(...held.map(inode => meter.sightings.since(inode) ?? now)));
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
