/** What a reload would do: per pool, and per changed setting how it takes effect. The schema says which needs what. */

import type { Applies } from './schema/setting.ts';
import { KEYS } from './schema.ts';
import { globalSettings, poolSettings } from './settings.ts';
import type { TomlValue } from './toml/write.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

export interface Change {
  /** In dotted form. */
  readonly key: string;
  /** Undefined where the key has no value. Secrets are not told. */
  readonly before: TomlValue | undefined;
  readonly after: TomlValue | undefined;
  readonly applies: Applies;
}

export interface PlanEntry {
  /** Null for the settings of fpm-ts.toml itself. */
  readonly pool: string | null;
  /** A pool that is switched off does not exist for the plan. */
  readonly action: 'added' | 'removed' | 'changed' | 'unchanged';
  readonly changes: readonly Change[];
  /** What the changes together call for: the heaviest of them; null when nothing changed. */
  readonly applies: Applies | null;
}

const BY_WEIGHT: readonly Applies[] = ['live', 'workers', 'listener', 'restart'];

/** The entry for fpm-ts.toml first, then the pools by name. */
export function reloadPlan(before: GlobalConfig, after: GlobalConfig): PlanEntry[] {
  const global = differences(globalSettings(before), globalSettings(after), 'global');
  const old = enabledPools(before);
  const next = enabledPools(after);
  const names = [...new Set([...old.keys(), ...next.keys()])].sort();
  return [entry(null, global), ...names.map(name => poolPlan(name, old.get(name), next.get(name)))];
}

function enabledPools(config: GlobalConfig): Map<string, PoolConfig> {
  return new Map(config.pools.filter(pool => pool.enabled).map(pool => [pool.name, pool]));
}

/** Of one pool. @param before undefined: there is none. @param after undefined: there is to be none */
export function poolPlan(
  name: string,
  before: PoolConfig | undefined,
  after: PoolConfig | undefined,
): PlanEntry {
  if (before && after) return entry(name, poolChanges(before, after));
  return { pool: name, action: after ? 'added' : 'removed', changes: [], applies: 'listener' };
}

function poolChanges(before: PoolConfig, after: PoolConfig): Change[] {
  const changes = differences(withOwner(before), withOwner(after), 'pool');
  const secretsDiffer = stable(secretsOf(before)) !== stable(secretsOf(after));
  if (!secretsDiffer || changes.some(change => change.key === 'env_files')) return changes;
  return [
    ...changes,
    { key: 'env_files', before: before.envFiles, after: after.envFiles, applies: 'workers' },
  ];
}

/** A socket file belongs to the pool's user and group where nobody else is named, so it changes with them. */
function withOwner(pool: PoolConfig): Record<string, TomlValue | undefined> {
  const settings = poolSettings(pool);
  if (pool.listen.address.type !== 'unix') return settings;
  const owner = settings['listen.owner'] ?? pool.user;
  const group = settings['listen.group'] ?? pool.group ?? pool.user;
  return { ...settings, 'listen.owner': owner, 'listen.group': group };
}

function secretsOf(pool: PoolConfig): Record<string, string | undefined> {
  return Object.fromEntries(pool.secretEnv.map(name => [name, pool.env[name]]));
}

function differences(
  before: Readonly<Record<string, TomlValue | undefined>>,
  after: Readonly<Record<string, TomlValue | undefined>>,
  kind: 'global' | 'pool',
): Change[] {
  return Object.keys(after).flatMap(key => {
    if (before[key] === after[key] || stable(before[key]) === stable(after[key])) return [];
    const applies = KEYS[kind].get(key)?.meta.applies ?? 'workers';
    return [{ key, before: before[key], after: after[key], applies }];
  });
}

/** The same text for the same value, whatever the order in which the names of a table were said. */
function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ''
  );
}

function entry(pool: string | null, changes: readonly Change[]): PlanEntry {
  const applies = BY_WEIGHT.findLast(weight => changes.some(change => change.applies === weight)) ?? null;
  return { pool, action: changes.length === 0 ? 'unchanged' : 'changed', changes, applies };
}
