/** Validated keys to the effective configuration: with the defaults that depend on other settings. */
import { join } from 'node:path';
import { isPhpCgi } from './rule.ts';
import { effectiveOf } from './schema/derive.ts';
import { globalSettings } from './schema/global.ts';
import { poolSettings } from './schema/pool.ts';
import type { GlobalKeys, PoolKeys } from './schema.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** @param secrets what the env files say */
export function resolvePool(
  name: string,
  file: string,
  keys: PoolKeys,
  secrets: Readonly<Record<string, string>>,
): PoolConfig {
  const stopIsGraceful = keys.stop_is_graceful ?? isPhpCgi(keys.command);
  const { extends: _, ...settings } = effectiveOf(poolSettings, {
    ...keys,
    stop_is_graceful: stopIsGraceful,
    pm: { ...keys.pm, start_servers: keys.pm.start_servers ?? startServers(keys.pm) },
  });
  return {
    ...settings,
    name,
    file,
    stopIsGraceful,
    env: { ...secrets, ...keys.env },
    secretEnv: Object.keys(secrets).filter(variable => !Object.hasOwn(keys.env, variable)),
  };
}

/** php-fpm's default for the workers to start with lies halfway between the two spare numbers. */
function startServers(pm: PoolKeys['pm']): number | undefined {
  const { min_spare_servers: min, max_spare_servers: max } = pm;
  if (pm.mode !== 'dynamic' || min === undefined || max === undefined) return undefined;
  return Math.trunc(min + (max - min) / 2);
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
  const settings = effectiveOf(globalSettings, keys);
  const { pid_file: pidFile = join(runDir, 'fpm-ts.pid') } = keys;
  const { socket = join(runDir, 'control.sock') } = keys.control;
  return {
    ...settings,
    file,
    runDir,
    pidFile,
    control: { ...settings.control, socket },
    pools: pools.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
