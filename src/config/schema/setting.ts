/** How a setting is declared: its kind, and what it says about itself. All else is derived from that (derive.ts). */
import * as z from 'zod';
import type { TomlValue } from '../toml/write.ts';
import type { Kind } from './kinds.ts';

/** How a changed value takes effect: at once, by new workers, by a new listener, or only by a restart. */
export type Applies = 'live' | 'workers' | 'listener' | 'restart';

export interface About {
  readonly description: string;
  readonly applies: Applies;
  /** As a file would say it. Without a default of either sort, the setting is required. */
  readonly default?: TomlValue;
  /** The default in words, where it depends on other settings or on who starts the supervisor. */
  readonly computedDefault?: string;
  /** Instead of what the kind says. */
  readonly allowed?: string;
  /** The directive of php-fpm with the same meaning. */
  readonly phpFpm?: string;
  /** What is counted. */
  readonly unit?: string;
  /** May be written as the name of its group: `listen = ...` is `listen.address = ...`. */
  readonly isPlain?: true;
  /** A path inside of `chroot`, where the pool has one. */
  readonly isInJail?: true;
  /** Of a required setting: what a message suggests, as TOML. */
  readonly example?: string;
  /** Of a required setting: what the rules between settings see where it is missing or wrong. */
  readonly standIn?: TomlValue;
}

export interface SettingMeta extends About {
  readonly allowed: string;
}

/** @template Unset undefined where it need not have a value, else never */
export interface Setting<Value, Unit extends string, Unset> {
  readonly kind: Kind<Value, Unit>;
  readonly schema: z.ZodType<Value | Unset>;
  readonly meta: SettingMeta;
}

export type AnySetting = Setting<unknown, string, unknown>;

/** Settings by name, and groups of settings. */
export interface Settings {
  readonly [name: string]: AnySetting | Settings;
}

type UnsetOf<A extends About> = A extends { readonly computedDefault: string } ? undefined : never;

export function setting<Value, Unit extends string, const A extends About>(
  kind: Kind<Value, Unit>,
  about: A,
): Setting<Value, Unit, UnsetOf<A>> {
  const schema = schemaOf(kind, about) as z.ZodType<Value | UnsetOf<A>>;
  return { kind, schema, meta: { allowed: kind.allowed, ...about } };
}

function schemaOf<Value>(kind: Kind<Value, string>, about: About): z.ZodType {
  if (about.default !== undefined) return kind.schema.prefault(about.default);
  return about.computedDefault === undefined ? kind.schema : kind.schema.optional();
}

export function isSetting(it: AnySetting | Settings): it is AnySetting {
  return it.schema instanceof z.ZodType;
}
