/**
 * The effective configuration as the rest of the program sees it: every default filled in, paths absolute,
 * numbers in one unit. Only types, so that whoever needs just these does not load the schema.
 */
import type { ListenAddress } from './address.ts';
import type { GlobalKeys } from './schema/global.ts';
import type { PoolKeys } from './schema/pool.ts';

export interface GlobalConfig {
  /** fpm-ts.toml; null when there is none and everything is at its default. */
  readonly file: string | null;
  readonly include: readonly string[];
  readonly runDir: string;
  readonly pidFile: string;
  /** An empty group is none. */
  readonly control: { readonly socket: string; readonly group: string };
  /** `file` is "stderr" or an absolute path. */
  readonly log: Readonly<GlobalKeys['log']>;
  /** `max` counts workers over all pools, 0 is no limit; `minFreeMemoryBytes` 0 is off. */
  readonly process: { readonly max: number; readonly minFreeMemoryBytes: number };
  /** Sorted by name; those with `enabled = false` too. */
  readonly pools: readonly PoolConfig[];
}

export interface PoolConfig {
  readonly name: string;
  readonly file: string;
  readonly command: readonly string[];
  readonly enabled: boolean;
  readonly protocol: PoolKeys['protocol'];
  readonly dispatch: PoolKeys['dispatch'];
  /** A name or a uid as text; without one, workers run as the supervisor's user. */
  readonly user?: string;
  /** A name or a gid as text; without one, the user's group. */
  readonly group?: string;
  readonly allowRoot: boolean;
  readonly umask: number;
  readonly chdir: string;
  readonly chroot?: string;
  readonly clearEnv: boolean;
  /** What env_files say, and `env` over it. */
  readonly env: Readonly<Record<string, string>>;
  readonly envFiles: readonly string[];
  /** Names in `env` whose value came from an env file: never print those values. */
  readonly secretEnv: readonly string[];
  readonly passEnv: readonly string[];
  readonly stopSignal: PoolKeys['stop_signal'];
  readonly stopIsGraceful: boolean;
  readonly killMode: PoolKeys['kill_mode'];
  readonly startTimeoutMs: number;
  readonly processControlTimeoutMs: number;
  /** 0 is off. */
  readonly requestTerminateTimeoutMs: number;
  /** 0 is off. */
  readonly requestSlowlogTimeoutMs: number;
  readonly rlimits: Rlimits;
  readonly documentRoot?: string;
  readonly index: string;
  readonly params: Readonly<Record<string, string>>;
  /** Where the workers' output goes, when not to the supervisor's log. */
  readonly logFile?: string;
  readonly listen: ListenConfig;
  readonly pm: PmConfig;
  readonly process: ProcessConfig;
}

/** A limit that is not there is inherited. */
export interface Rlimits {
  readonly files?: Limit;
  /** Bytes. */
  readonly core?: Limit;
  readonly nproc?: Limit;
  /** Bytes. */
  readonly as?: Limit;
  /** Bytes. */
  readonly memlock?: Limit;
}

export type Limit = number | 'unlimited';

export interface ListenConfig {
  readonly address: ListenAddress;
  /** The address as it was written, expanded, and absolute when it is a path. */
  readonly text: string;
  readonly pass: PoolKeys['listen']['pass'];
  readonly backlog: number;
  /** Without one, the pool's user. */
  readonly owner?: string;
  /** Without one, the pool's group. */
  readonly group?: string;
  readonly mode: number;
  /** Empty is any. */
  readonly allowedClients: readonly string[];
  readonly nonblock: boolean;
  readonly swap: PoolKeys['listen']['swap'];
}

export interface PmConfig {
  readonly mode: PoolKeys['pm']['mode'];
  readonly maxChildren: number;
  /** These three are set when the mode is dynamic. */
  readonly startServers?: number;
  readonly minSpareServers?: number;
  readonly maxSpareServers?: number;
  /** Workers a second. */
  readonly maxSpawnRate: number;
  readonly processIdleTimeoutMs: number;
  /** 0 is never. */
  readonly maxRequests: number;
  /** 0 is off. */
  readonly maxMemoryBytes: number;
  /** 0 is off. */
  readonly maxLifetimeMs: number;
  /** A fraction of maxLifetimeMs. */
  readonly maxLifetimeJitter: number;
  /** Connections that one worker serves at a time. */
  readonly workerConcurrency: number;
}

export interface ProcessConfig {
  readonly priority: number;
  readonly oomScoreAdj: number;
  readonly noNewPrivileges: boolean;
}
