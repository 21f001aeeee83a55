/**
 * The effective configuration as the rest of the program sees it: every default filled in, paths absolute, numbers in one
 * unit. Its settings are those that schema/ declares, under the names that schema/derive.ts gives them. Only types, so that
 * a file that needs just these does not load the schema.
 */
import type { Effective } from './schema/derive.ts';
import type { globalSettings } from './schema/global.ts';
import type { settingsInEffect } from './schema/pool.ts';

type Globals = Effective<typeof globalSettings>;
type PoolSettings = Effective<typeof settingsInEffect>;

export interface GlobalConfig extends Omit<Globals, 'runDir' | 'pidFile' | 'control'> {
  /** fpm-ts.toml; null when there is none and everything is at its default. */
  readonly file: string | null;
  readonly runDir: string;
  readonly pidFile: string;
  readonly control: Required<Globals['control']>;
  /** Sorted by name; those with `enabled = false` too. */
  readonly pools: readonly PoolConfig[];
}

export interface PoolConfig extends PoolSettings {
  readonly name: string;
  readonly file: string;
  /** What env_files say, and `env` over it. */
  readonly env: Readonly<Record<string, string>>;
  /** Names in `env` whose value came from an env file: never print those values. */
  readonly secretEnv: readonly string[];
  readonly stopIsGraceful: boolean;
}
