/** The part of `status --json` that is a contract, written down apart from the product. */
export interface WorkerStatus {
  readonly pid: number;
  readonly state: 'starting' | 'idle' | 'active' | 'stopping';
  readonly adopted: boolean;
  readonly uptime_seconds: number;
  readonly rss_bytes: number | null;
  readonly cpu_seconds: number | null;
  readonly generation: number;
  readonly connection_seconds: number | null;
}

export interface PoolStatus {
  readonly name: string;
  readonly state: 'starting' | 'running' | 'degraded' | 'stopping' | 'stopped' | 'failed';
  readonly reason: string;
  readonly paused: boolean;
  readonly protocol: string;
  readonly dispatch: string;
  readonly pm: { readonly mode: string; readonly max_children: number };
  readonly listen: { readonly address: string };
  readonly queue: {
    readonly length: number | null;
    readonly max: number | null;
    readonly limit: number | null;
  };
  readonly workers: {
    readonly total: number;
    readonly idle: number | null;
    readonly active: number | null;
    readonly starting: number;
    readonly stopping: number;
    readonly max_active: number | null;
  };
  readonly counters: {
    readonly spawned: number;
    readonly exited: number;
    readonly crashed: number;
    readonly max_children_reached: number;
    readonly slow_requests: number;
    readonly reloads: number;
    readonly accepted_connections: number | null;
  };
  readonly processes: readonly WorkerStatus[];
}

/** A setting of which only a restart applies what the files say. */
export interface PendingSetting {
  readonly key: string;
  readonly running: unknown;
  readonly wanted: unknown;
}

/** Another supervisor answers; before that it may be the keeper, which says that there is none. */
export function hasSuccessor({ supervisor_pid: pid }: Status, victim: number): boolean {
  return Number(pid) > 0 && pid !== victim;
}

export interface Status {
  readonly schema: 1;
  readonly version: string;
  readonly pid: number;
  readonly supervisor_pid: number;
  readonly state: string;
  readonly reason: string;
  readonly paused: boolean;
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly last_reload: {
    readonly at: string;
    readonly ok: boolean;
    readonly code: number;
    readonly message: string;
  } | null;
  readonly last_upgrade: {
    readonly at: string;
    readonly ok: boolean;
    readonly from: string;
    readonly to: string | null;
    readonly message: string;
  } | null;
  readonly config_changed_on_disk: boolean;
  readonly needs_restart: readonly PendingSetting[];
  readonly running_settings: Readonly<Record<string, unknown>>;
  readonly pools: readonly PoolStatus[];
}

/** The pool of that name; fails the test when there is none. */
export function poolOf(status: Status, name: string): PoolStatus {
  const pool = status.pools.find(candidate => candidate.name === name);
  if (pool === undefined)
    throw new Error(`no pool "${name}" in ${JSON.stringify(status.pools.map(p => p.name))}`);
  return pool;
}

/** In ascending order, so that two looks can be compared. */
export function workerPids(status: Status, name: string): number[] {
  return poolOf(status, name)
    .processes.map(worker => worker.pid)
    .sort((a, b) => a - b);
}

/** How every failure is told, over the control socket and with --json. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly file: string | null;
    readonly line: number | null;
    readonly column: number | null;
    readonly key: string | null;
  };
}
