/**
 * The effective configuration back as keys of the files: what `fpm-ts config` prints and the reload plan
 * compares. The types hold it to the schema: a new key does not compile until it is here.
 */
import type { globalKeys } from './schema/global.ts';
import type { poolKeys } from './schema/pool.ts';
import type { TomlValue } from './toml/write.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';
import { formatDuration, formatMode, formatPercent, formatSize } from './values.ts';

type Group<Shape, Name extends keyof Shape & string> = Shape[Name] extends {
  unwrap(): { shape: infer Inner };
}
  ? `${Name}.${keyof Inner & string}`
  : Name;

type KeyOf<Shape> = { [Name in keyof Shape & string]: Group<Shape, Name> }[keyof Shape & string];

export type PoolKey = Exclude<KeyOf<typeof poolKeys>, 'extends'>;
export type GlobalKey = KeyOf<typeof globalKeys>;

/** In the schema's order; undefined is a key that has no value. */
export type Settings<Key extends string> = { readonly [K in Key]: TomlValue | undefined };

/** Without what env files say: that is theirs. */
export function poolSettings(pool: PoolConfig): Settings<PoolKey> {
  const secret = new Set(pool.secretEnv);
  return {
    command: pool.command,
    enabled: pool.enabled,
    protocol: pool.protocol,
    dispatch: pool.dispatch,
    user: pool.user,
    group: pool.group,
    allow_root: pool.allowRoot,
    umask: formatMode(pool.umask),
    chdir: pool.chdir,
    chroot: pool.chroot,
    clear_env: pool.clearEnv,
    env: Object.fromEntries(Object.entries(pool.env).filter(([name]) => !secret.has(name))),
    env_files: pool.envFiles,
    pass_env: pool.passEnv,
    rlimit_files: pool.rlimits.files,
    rlimit_core: limitSize(pool.rlimits.core),
    rlimit_nproc: pool.rlimits.nproc,
    rlimit_as: limitSize(pool.rlimits.as),
    rlimit_memlock: limitSize(pool.rlimits.memlock),
    stop_signal: pool.stopSignal,
    stop_is_graceful: pool.stopIsGraceful,
    kill_mode: pool.killMode,
    start_timeout: formatDuration(pool.startTimeoutMs),
    process_control_timeout: formatDuration(pool.processControlTimeoutMs),
    request_terminate_timeout: formatDuration(pool.requestTerminateTimeoutMs),
    request_slowlog_timeout: formatDuration(pool.requestSlowlogTimeoutMs),
    document_root: pool.documentRoot,
    index: pool.index,
    params: pool.params,
    'log.file': pool.logFile,
    ...listenSettings(pool.listen),
    ...pmSettings(pool.pm),
    'process.priority': pool.process.priority,
    'process.oom_score_adj': pool.process.oomScoreAdj,
    'process.no_new_privileges': pool.process.noNewPrivileges,
  };
}

function listenSettings(listen: PoolConfig['listen']): Settings<Extract<PoolKey, `listen.${string}`>> {
  return {
    'listen.address': listen.text,
    'listen.pass': listen.pass,
    'listen.backlog': listen.backlog,
    'listen.owner': listen.owner,
    'listen.group': listen.group,
    'listen.mode': formatMode(listen.mode),
    'listen.allowed_clients': listen.allowedClients,
    'listen.nonblock': listen.nonblock,
    'listen.swap': listen.swap,
  };
}

function pmSettings(pm: PoolConfig['pm']): Settings<Extract<PoolKey, `pm.${string}`>> {
  return {
    'pm.mode': pm.mode,
    'pm.max_children': pm.maxChildren,
    'pm.start_servers': pm.startServers,
    'pm.min_spare_servers': pm.minSpareServers,
    'pm.max_spare_servers': pm.maxSpareServers,
    'pm.max_spawn_rate': pm.maxSpawnRate,
    'pm.process_idle_timeout': formatDuration(pm.processIdleTimeoutMs),
    'pm.max_requests': pm.maxRequests,
    'pm.max_memory': formatSize(pm.maxMemoryBytes),
    'pm.max_lifetime': formatDuration(pm.maxLifetimeMs),
    'pm.max_lifetime_jitter': formatPercent(pm.maxLifetimeJitter),
    'pm.worker_concurrency': pm.workerConcurrency,
  };
}

export function globalSettings(config: GlobalConfig): Settings<GlobalKey> {
  return {
    include: config.include,
    run_dir: config.runDir,
    pid_file: config.pidFile,
    'control.socket': config.control.socket,
    'control.group': config.control.group,
    'log.level': config.log.level,
    'log.file': config.log.file,
    'log.format': config.log.format,
    'process.max': config.process.max,
    'process.min_free_memory': formatSize(config.process.minFreeMemoryBytes),
  };
}

function limitSize(limit: number | 'unlimited' | undefined): TomlValue | undefined {
  return typeof limit === 'number' ? formatSize(limit) : limit;
}
