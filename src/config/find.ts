/** Which file is the configuration: on its own, because it is all that many commands need to know. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isThere } from './read-file.ts';

export const SYSTEM_CONFIG_FILE = '/etc/fpm-ts/fpm-ts.toml';

/**
 * The configuration file, absolute: `-c FILE`, $FPM_TS_CONFIG, /etc/fpm-ts/fpm-ts.toml. The first two are
 * taken at their word; null when neither is given and the third does not exist.
 */
export function findConfigFile(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const given = option ?? (env.FPM_TS_CONFIG === '' ? undefined : env.FPM_TS_CONFIG);
  if (given !== undefined) return resolve(given);
  return isThere(SYSTEM_CONFIG_FILE) ? SYSTEM_CONFIG_FILE : null;
}

/** Below `userConfigHome()`. */
export const USER_CONFIG_FILE = 'fpm-ts/fpm-ts.toml';

/** Where an ordinary user's files are; what `fpm-ts init` writes there is not looked for unasked. @throws {SystemError} without a home */
export function userConfigHome(env: Readonly<Record<string, string | undefined>>): string {
  const said = env.XDG_CONFIG_HOME ?? '';
  return said.startsWith('/') ? said : join(homedir(), '.config');
}
