/** Validated keys to the effective configuration: with the defaults that depend on other settings. */
import { defaultPidFile, defaultSocket } from './default-paths.ts';
import { isPhpCgi } from './rule.ts';
import { effectiveOf } from './schema/derive.ts';
import { globalSettings } from './schema/global.ts';
import { settingsInEffect } from './schema/pool.ts';
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
  const settings = effectiveOf(settingsInEffect, {
    ...keys,
    stop_is_graceful: stopIsGraceful,
    pm: { ...keys.pm, start_servers: keys.pm.start_servers ?? startServers(keys.pm) },
  });
  return Object.assign(settings, {
    name,
    file,
    stopIsGraceful,
    env: { ...secrets, ...keys.env },
    secretEnv: Object.keys(secrets).filter(variable => !Object.hasOwn(keys.env, variable)),
  });
}

/** php-fpm's default for the workers to start with lies halfway between the two spare numbers. */
function startServers(pm: PoolKeys['pm']): number | undefined {
  const { min_spare_servers: min, max_spare_servers: max } = pm;
  if (pm.mode !== 'dynamic' || min === undefined || max === undefined) return undefined;
  return Math.trunc(min + (max - min) / 2);
}

export function resolveGlobal(
  file: string | null,
  keys: GlobalKeys,
  runDir: string,
  pools: readonly PoolConfig[],
): GlobalConfig {
  const settings = effectiveOf(globalSettings, keys);
  const { pid_file: pidFile = defaultPidFile(runDir) } = keys;
  const { socket = defaultSocket(runDir) } = keys.control;
  return {
    ...settings,
    file,
    runDir,
    pidFile,
    control: { ...settings.control, socket },
    pools: pools.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
