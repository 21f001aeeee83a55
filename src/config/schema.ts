/**
 * The schema: the single source of the configuration's types, validation, messages, reference page, JSON
 * Schemas and reload plan. Its keys stand in schema/; this file puts them together and lists them.
 */
import * as z from 'zod';
import { globalKeys, globalSchema } from './schema/global.ts';
import { type KeyMeta, keyMeta } from './schema/meta.ts';
import { poolKeys, poolSchema } from './schema/pool.ts';

export type { ListenAddress } from './address.ts';
export type { GlobalKeys } from './schema/global.ts';
export { globalSchema } from './schema/global.ts';
export type { PoolKeys } from './schema/pool.ts';
export { poolSchema } from './schema/pool.ts';
export type {
  GlobalConfig,
  Limit,
  ListenConfig,
  PmConfig,
  PoolConfig,
  ProcessConfig,
  Rlimits,
} from './types.ts';

type Shape = Readonly<Record<string, z.ZodType>>;

/** One key: its name in dotted form, its path, its schema and what it says about itself. */
export interface KeyInfo {
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: z.ZodType;
  readonly meta: KeyMeta;
}

export type FileKind = 'global' | 'pool';

/** The keys of both kinds of file by dotted name, in the order in which they are documented. */
export const KEYS: Readonly<Record<FileKind, ReadonlyMap<string, KeyInfo>>> = {
  global: listKeys(globalKeys, []),
  pool: listKeys(poolKeys, []),
};

/** The names under which other keys stand: `listen`, `pm`, `process`, `log`, `control`. */
export const GROUPS: Readonly<Record<FileKind, ReadonlySet<string>>> = {
  global: listGroups(globalKeys),
  pool: listGroups(poolKeys),
};

/** The schema of one kind of file. */
export const SCHEMAS: Readonly<Record<FileKind, z.ZodType>> = { global: globalSchema, pool: poolSchema };

function listKeys(shape: Shape, prefix: readonly string[]): Map<string, KeyInfo> {
  const keys = new Map<string, KeyInfo>();
  for (const [name, schema] of Object.entries(shape)) {
    const path = [...prefix, name];
    const group = groupShape(schema);
    const meta = keyMeta.get(schema);
    if (group) for (const [full, info] of listKeys(group, path)) keys.set(full, info);
    else if (meta) keys.set(path.join('.'), { name: path.join('.'), path, schema, meta });
  }
  return keys;
}

function listGroups(shape: Shape): Set<string> {
  return new Set(Object.keys(shape).filter(name => groupShape(shape[name])));
}

/** The keys of a group such as `listen`; undefined for a key that has a value. */
function groupShape(schema: z.ZodType | undefined): Shape | undefined {
  if (!(schema instanceof z.ZodPrefault)) return undefined;
  const inner = schema.unwrap();
  return inner instanceof z.ZodObject ? (inner.shape as Shape) : undefined;
}
