/** The settings of both kinds of file, which schema/ declares, put together and listed by name. */
import type * as z from 'zod';
import { type Keys, schemaOf } from './schema/derive.ts';
import { globalSettings } from './schema/global.ts';
import { poolSettings } from './schema/pool.ts';
import { type AnySetting, isSetting, type Settings } from './schema/setting.ts';

export type { ListenAddress } from './address.ts';
export type { GlobalConfig, PoolConfig } from './types.ts';

/** A pool file as it is after validation: TOML's names, values normalised. */
export type PoolKeys = Keys<typeof poolSettings>;

/** `fpm-ts.toml` without [defaults], after validation: TOML's names, values normalised. */
export type GlobalKeys = Keys<typeof globalSettings>;

export const poolSchema: z.ZodType<PoolKeys> = schemaOf(poolSettings);
export const globalSchema: z.ZodType<GlobalKeys> = schemaOf(globalSettings);

/** One setting, with its name in dotted form and its path. */
export interface KeyInfo extends AnySetting {
  readonly name: string;
  readonly path: readonly string[];
}

export type FileKind = 'global' | 'pool';

const SETTINGS: Readonly<Record<FileKind, Settings>> = { global: globalSettings, pool: poolSettings };

/** The settings of both kinds of file by dotted name, in the order in which they are documented. */
export const KEYS: Readonly<Record<FileKind, ReadonlyMap<string, KeyInfo>>> = {
  global: new Map(listKeys(globalSettings, [])),
  pool: new Map(listKeys(poolSettings, [])),
};

/** The names under which other keys stand: `listen`, `pm`, `process`, `log`, `control`. */
export const GROUPS: Readonly<Record<FileKind, ReadonlySet<string>>> = {
  global: groupsOf('global'),
  pool: groupsOf('pool'),
};

/** Groups that may be written as a plain value, and the key to which the value belongs: `listen` is `listen.address`. */
export const PLAIN_KEYS: ReadonlyMap<string, string> = new Map(
  [...KEYS.pool.values()].flatMap(({ path: [group = '', key = ''], meta }) =>
    meta.isPlain ? [[group, key]] : [],
  ),
);

function listKeys(settings: Settings, prefix: readonly string[]): [string, KeyInfo][] {
  return Object.entries(settings).flatMap(([name, it]): [string, KeyInfo][] => {
    const path = [...prefix, name];
    if (!isSetting(it)) return listKeys(it, path);
    return [[path.join('.'), { ...it, name: path.join('.'), path }]];
  });
}

function groupsOf(kind: FileKind): Set<string> {
  return new Set(Object.entries(SETTINGS[kind]).flatMap(([name, it]) => (isSetting(it) ? [] : [name])));
}
