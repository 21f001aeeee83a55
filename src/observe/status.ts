/** What `fpm-ts status --json` prints: a contract. What cannot be known is null, never 0. */
import type { LastUpgrade } from '../keeper/notes.ts';

export type DaemonState = 'starting' | 'running' | 'reloading' | 'stopping' | 'degraded';
export type PoolState = 'starting' | 'running' | 'degraded' | 'stopping' | 'stopped' | 'failed';
export type WorkerState = 'starting' | 'idle' | 'active' | 'stopping';

export interface Status {
  readonly schema: 1;
  readonly version: string;
  /** The keeper's: the one in the pid file. */
  readonly pid: number;
  /** null: no supervisor stays alive, and the keeper answers (keeper/stand-in-status.ts). */
  readonly supervisor_pid: number | null;
  readonly state: DaemonState;
  /** Why it is degraded; else empty. */
  readonly reason: string;
  /** ISO 8601. */
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly last_reload: LastReload | null;
  readonly last_upgrade: LastUpgrade | null;
  readonly config_changed_on_disk: boolean | null;
  /** Settings whose value in the files only a restart applies; null: no supervisor says, or not to this caller. */
  readonly needs_restart: readonly PendingSetting[] | null;
  /** The settings of fpm-ts.toml that are in effect, by key in dotted form; null: as above. */
  readonly running_settings: Readonly<Record<string, unknown>> | null;
  readonly pools: readonly PoolStatus[];
}

export interface PendingSetting {
  /** In dotted form. */
  readonly key: string;
  readonly running: unknown;
  readonly wanted: unknown;
}

export interface LastReload {
  readonly at: string;
  readonly ok: boolean;
  /** The exit code that the command had. */
  readonly code: number;
  readonly message: string;
}

export interface PoolStatus {
  readonly name: string;
  readonly state: PoolState;
  readonly reason: string;
  /** Its number of workers does not follow its load (`fpm-ts pause`). */
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
    readonly starting: number | null;
    readonly stopping: number | null;
    readonly max_active: number | null;
  };
  readonly counters: { readonly [N in keyof Counters]: number | null } & {
    readonly accepted_connections: null;
  };
  /** The generation that a reload is bringing up; null: none. */
  readonly reload: { readonly generation: number; readonly ready: number; readonly size: number } | null;
  readonly processes: readonly ProcessStatus[];
}

export interface Counters {
  readonly spawned: number;
  readonly exited: number;
  readonly crashed: number;
  readonly reloads: number;
  /** Episodes in which the load called for more workers than max_children. */
  readonly max_children_reached: number;
  /** Requests that took longer than request_slowlog_timeout. */
  readonly slow_requests: number;
}

export interface ProcessStatus {
  readonly pid: number;
  /** null: ready, but whether it is busy cannot be told. */
  readonly state: WorkerState | null;
  readonly adopted: boolean;
  readonly uptime_seconds: number;
  readonly rss_bytes: number | null;
  readonly cpu_seconds: number | null;
  readonly generation: number | null;
  readonly connection_seconds: number | null;
}
