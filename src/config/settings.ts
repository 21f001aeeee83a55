/** The effective configuration as settings of the files: what `fpm-ts config` prints and the reload plan compares. */
import { type KeyOf, printed } from './schema/derive.ts';
import { globalSettings as globals } from './schema/global.ts';
import { settingsInEffect } from './schema/pool.ts';
import type { TomlValue } from './toml/write.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** In the schema's order; undefined is a setting that has no value. */
type Printed<Key extends string> = Readonly<Record<Key, TomlValue | undefined>>;

/** Without what env files say: that is theirs. */
export function poolSettings(pool: PoolConfig): Printed<KeyOf<typeof settingsInEffect>> {
  const secret = new Set(pool.secretEnv);
  const env = Object.fromEntries(Object.entries(pool.env).filter(([name]) => !secret.has(name)));
  return { ...printed(settingsInEffect, pool), env };
}

export function globalSettings(config: Omit<GlobalConfig, 'pools'>): Printed<KeyOf<typeof globals>> {
  return printed(globals, config);
}
