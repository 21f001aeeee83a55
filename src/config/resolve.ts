/** Validated keys to the configuration that the rest of the program sees: renamed, and with the defaults that depend on other keys. */
import { join } from 'node:path';
import { isPhpCgi } from './rule.ts';
import type { GlobalKeys, PoolKeys } from './schema.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** Optional fields are left out rather than undefined. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** `secrets` is what the env files say. */
export function resolvePool(
  name: string,
  file: string,
  keys: PoolKeys,
  secrets: Readonly<Record<string, string>>,
): PoolConfig {
  const { address, pm } = { address: keys.listen.address, pm: keys.pm };
  const { text, ...where } = address;
  const own = keys.env;
  return {
    name,
    file,
    command: keys.command,
    enabled: keys.enabled,
    protocol: keys.protocol,
    dispatch: keys.dispatch,
    allowRoot: keys.allow_root,
    umask: keys.umask,
    chdir: keys.chdir,
    clearEnv: keys.clear_env,
    env: { ...secrets, ...own },
    envFiles: keys.env_files,
    secretEnv: Object.keys(secrets).filter(variable => !Object.hasOwn(own, variable)),
    passEnv: keys.pass_env,
    stopSignal: keys.stop_signal,
    stopIsGraceful: keys.stop_is_graceful ?? isPhpCgi(keys.command),
    killMode: keys.kill_mode,
    startTimeoutMs: keys.start_timeout,
    processControlTimeoutMs: keys.process_control_timeout,
    requestTerminateTimeoutMs: keys.request_terminate_timeout,
    requestSlowlogTimeoutMs: keys.request_slowlog_timeout,
    rlimits: present({
      files: keys.rlimit_files,
      core: keys.rlimit_core,
      nproc: keys.rlimit_nproc,
      as: keys.rlimit_as,
      memlock: keys.rlimit_memlock,
    }),
    index: keys.index,
    params: keys.params,
    listen: {
      address: where,
      text,
      pass: keys.listen.pass,
      backlog: keys.listen.backlog,
      mode: keys.listen.mode,
      allowedClients: keys.listen.allowed_clients,
      nonblock: keys.listen.nonblock,
      swap: keys.listen.swap,
      ...present({ owner: keys.listen.owner, group: keys.listen.group }),
    },
    pm: {
      mode: pm.mode,
      maxChildren: pm.max_children,
      maxSpawnRate: pm.max_spawn_rate,
      processIdleTimeoutMs: pm.process_idle_timeout,
      maxRequests: pm.max_requests,
      maxMemoryBytes: pm.max_memory,
      maxLifetimeMs: pm.max_lifetime,
      maxLifetimeJitter: pm.max_lifetime_jitter,
      workerConcurrency: pm.worker_concurrency,
      ...spareServers(pm),
    },
    process: {
      priority: keys.process.priority,
      oomScoreAdj: keys.process.oom_score_adj,
      noNewPrivileges: keys.process.no_new_privileges,
    },
    ...present({
      user: keys.user,
      group: keys.group,
      chroot: keys.chroot,
      documentRoot: keys.document_root,
      logFile: keys.log.file,
    }),
  };
}

/** php-fpm's default for the workers to start with lies halfway between the two spare numbers. */
function spareServers(pm: PoolKeys['pm']): Partial<PoolConfig['pm']> {
  const { start_servers: start, min_spare_servers: min, max_spare_servers: max } = pm;
  const middle =
    pm.mode === 'dynamic' && min !== undefined && max !== undefined
      ? Math.trunc(min + (max - min) / 2)
      : undefined;
  return present({ startServers: start ?? middle, minSpareServers: min, maxSpareServers: max });
}

/** As root, a directory of the system; else one of the user's own. */
export function defaultRunDir(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return '/run/fpm-ts';
  const { XDG_RUNTIME_DIR: xdg } = env;
  // The XDG base directory specification: a value that is not absolute is to be ignored.
  return xdg?.startsWith('/') ? join(xdg, 'fpm-ts') : `/tmp/fpm-ts-${uid}`;
}

export function resolveGlobal(
  file: string | null,
  keys: GlobalKeys,
  runDir: string,
  pools: readonly PoolConfig[],
): GlobalConfig {
  return {
    file,
    include: keys.include,
    runDir,
    pidFile: keys.pid_file ?? join(runDir, 'fpm-ts.pid'),
    control: { socket: keys.control.socket ?? join(runDir, 'control.sock'), group: keys.control.group },
    log: keys.log,
    process: { max: keys.process.max, minFreeMemoryBytes: keys.process.min_free_memory },
    pools: pools.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
