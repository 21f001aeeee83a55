/**
 * What follows from the declaration of settings: the schema of the files, the effective configuration and its type, how
 * it is saved and read back, how it is written as settings again. The effective configuration has the settings' names in
 * camel case, with the unit where there is one: `start_timeout` is `startTimeoutMs`.
 */
import * as z from 'zod';
import type { TomlValue } from '../toml/write.ts';
import { type AnySetting, isSetting, type Setting, type Settings } from './setting.ts';

/** What the schema makes of a file. */
export type Keys<S extends Settings> = {
  readonly [Name in keyof S]: S[Name] extends Setting<infer Value, string, infer Unset>
    ? Value | Unset
    : S[Name] extends Settings
      ? Keys<S[Name]>
      : never;
};

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

type NameOf<Name extends string, S> =
  S extends Setting<infer _V, infer Unit, infer _U> ? `${Camel<Name>}${Unit}` : Camel<Name>;

type ValueOf<S> =
  S extends Setting<infer Value, string, unknown> ? Value : S extends Settings ? Effective<S> : never;

type IsOptional<S> =
  S extends Setting<infer _V, string, infer Unset> ? ([Unset] extends [never] ? false : true) : false;

/** The effective configuration of these settings: what has no value is left out. */
export type Effective<S extends Settings> = {
  readonly [Name in keyof S & string as IsOptional<S[Name]> extends true
    ? never
    : NameOf<Name, S[Name]>]: ValueOf<S[Name]>;
} & {
  readonly [Name in keyof S & string as IsOptional<S[Name]> extends true
    ? NameOf<Name, S[Name]>
    : never]?: ValueOf<S[Name]>;
};

/** Dotted names. */
export type KeyOf<S extends Settings> = {
  [Name in keyof S & string]: S[Name] extends AnySetting
    ? Name
    : S[Name] extends Settings
      ? `${Name}.${KeyOf<S[Name]>}`
      : never;
}[keyof S & string];

/**
 * A group that is missing altogether reads as an empty one, so that a setting which is required in it is asked for by
 * its own name.
 */
export function schemaOf<S extends Settings>(settings: S): z.ZodType<Keys<S>> {
  const schemas = Object.entries(settings).map(([name, it]) => [
    name,
    isSetting(it) ? it.schema : schemaOf(it).prefault({}),
  ]);
  return z.strictObject(Object.fromEntries(schemas) as z.ZodRawShape) as unknown as z.ZodType<Keys<S>>;
}

export function effectiveOf<S extends Settings>(settings: S, keys: Keys<S>): Effective<S> {
  const effective: Record<string, unknown> = {};
  for (const { key, name, setting, group } of membersOf(settings)) {
    const value: unknown = keys[key];
    if (setting === null) effective[name] = effectiveOf(group, value as Keys<Settings>);
    else if (value !== undefined) effective[name] = value;
  }
  return effective as Effective<S>;
}

/** Checks an effective configuration that was saved as JSON. */
export function savedShape(settings: Settings): z.ZodRawShape {
  const shapes = membersOf(settings).map(({ name, setting, group }): [string, z.ZodType] => {
    if (setting === null) return [name, z.object(savedShape(group))];
    const { saved } = setting.kind;
    return [name, setting.meta.computedDefault === undefined ? saved : z.exactOptional(saved)];
  });
  return Object.fromEntries(shapes);
}

/** By dotted name, in the order of the declaration, as files would say them; undefined: it has no value. */
export function printed<S extends Settings>(
  settings: S,
  config: object,
): Readonly<Record<KeyOf<S>, TomlValue | undefined>> {
  const texts: Record<string, TomlValue | undefined> = {};
  print(settings, config as Values, '', texts);
  return texts as Readonly<Record<KeyOf<S>, TomlValue | undefined>>;
}

function print(
  settings: Settings,
  values: Values,
  prefix: string,
  into: Record<string, TomlValue | undefined>,
): void {
  for (const { key, name, setting, group } of membersOf(settings)) {
    const value = values[name];
    if (setting === null) print(group, value as Values, `${prefix}${key}.`, into);
    else into[prefix + key] = value === undefined ? undefined : setting.kind.print(value);
  }
}

/** The effective configuration `wanted` with what only a restart applies as it is in `running`. */
export function applied<T extends object>(settings: Settings, running: T, wanted: T): T {
  const [before, after] = [running, wanted] as unknown as [Values, Values];
  const values = membersOf(settings).map(({ name, setting, group }): [string, unknown] => {
    if (setting === null) return [name, applied(group, before[name] as object, after[name] as object)];
    return [name, setting.meta.applies === 'restart' ? before[name] : after[name]];
  });
  return { ...wanted, ...Object.fromEntries(values) };
}

type Values = Readonly<Record<string, unknown>>;

/** A setting or a group of settings: its name in a file, and in the effective configuration. */
type Member = { readonly key: string; readonly name: string } & (
  | { readonly setting: AnySetting; readonly group: null }
  | { readonly setting: null; readonly group: Settings }
);

const MEMBERS = new WeakMap<Settings, readonly Member[]>();

/** Made once: a reload goes through the settings of every pool. */
function membersOf(settings: Settings): readonly Member[] {
  const known = MEMBERS.get(settings);
  if (known !== undefined) return known;
  const members = Object.entries(settings).map(([key, it]): Member => {
    if (!isSetting(it)) return { key, name: camel(key), setting: null, group: it };
    return { key, name: camel(key) + it.kind.unit, setting: it, group: null };
  });
  MEMBERS.set(settings, members);
  return members;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
