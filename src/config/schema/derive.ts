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
  const values = Object.entries(settings).map(([name, it]): Entry => {
    const value: unknown = keys[name];
    return [nameOf(name, it), isSetting(it) ? value : effectiveOf(it, value as Keys<Settings>)];
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Effective<S>;
}

/** Checks an effective configuration that was saved as JSON. */
export function savedShape(settings: Settings): z.ZodRawShape {
  const shapes = Object.entries(settings).map(([name, it]): [string, z.ZodType] => {
    if (!isSetting(it)) return [nameOf(name, it), z.object(savedShape(it))];
    const { saved } = it.kind;
    return [nameOf(name, it), it.meta.computedDefault === undefined ? saved : z.exactOptional(saved)];
  });
  return Object.fromEntries(shapes);
}

/** By dotted name, in the order of the declaration, as files would say them; undefined: it has no value. */
export function printed<S extends Settings>(
  settings: S,
  config: object,
): Readonly<Record<KeyOf<S>, TomlValue | undefined>> {
  const values: Values = { ...config };
  const entries = Object.entries(settings).flatMap(([name, it]): Entry[] => {
    const value = values[nameOf(name, it)];
    if (isSetting(it)) return [[name, value === undefined ? undefined : it.kind.print(value)]];
    return Object.entries(printed(it, value as object)).map(([key, inner]) => [`${name}.${key}`, inner]);
  });
  return Object.fromEntries(entries) as Readonly<Record<KeyOf<S>, TomlValue | undefined>>;
}

/** The effective configuration `wanted` with what only a restart applies as it is in `running`. */
export function applied<T extends object>(settings: Settings, running: T, wanted: T): T {
  const [before, after] = [running, wanted] as unknown as [Values, Values];
  const values = Object.entries(settings).map(([name, it]): Entry => {
    const key = nameOf(name, it);
    if (!isSetting(it)) return [key, applied(it, before[key] as object, after[key] as object)];
    return [key, it.meta.applies === 'restart' ? before[key] : after[key]];
  });
  return { ...wanted, ...Object.fromEntries(values) };
}

type Values = Readonly<Record<string, unknown>>;
type Entry = readonly [name: string, value: unknown];

function nameOf(name: string, it: AnySetting | Settings): string {
  return isSetting(it) ? camel(name) + it.kind.unit : camel(name);
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
