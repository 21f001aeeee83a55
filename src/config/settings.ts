/** The effective configuration as settings of the files: what `fpm-ts config` prints and the reload plan compares. */
import { type KeyOf, printed } from './schema/derive.ts';
import { globalSettings as globals } from './schema/global.ts';
import { poolSettings as ofPool } from './schema/pool.ts';
import type { TomlValue } from './toml/write.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** In the schema's order; undefined is a setting that has no value. */
type Printed<Key extends string> = Readonly<Record<Key, TomlValue | undefined>>;

// A pool has been put together with what it extends.
const { extends: _, ...IN_EFFECT } = ofPool;

/** Without what env files say: that is theirs. */
export function poolSettings(pool: PoolConfig): Printed<KeyOf<typeof IN_EFFECT>> {
  const secret = new Set(pool.secretEnv);
  const env = Object.fromEntries(Object.entries(pool.env).filter(([name]) => !secret.has(name)));
  return printed(IN_EFFECT, { ...pool, env });
}

export function globalSettings(config: Omit<GlobalConfig, 'pools'>): Printed<KeyOf<typeof globals>> {
  return printed(globals, config);
}
