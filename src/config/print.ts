/** What `fpm-ts config` shows: the effective configuration as TOML that loads to the same, or as JSON. */
import { escapeExpansion } from './expand.ts';
import { KEYS } from './schema.ts';
import { globalSettings, poolSettings } from './settings.ts';
import type { KeyPlace, Sources } from './sources.ts';
import { type TomlValue, tomlKey, tomlLine } from './toml/write.ts';
import type { GlobalConfig, PoolConfig } from './types.ts';

/** Stands for a value that came from an env file. */
export const MASK = '***';

export interface PrintOptions {
  /** Adds behind each line where its value was said. */
  readonly origins?: Sources;
  /** Adds, below the setting of fpm-ts.toml that it belongs to, what a supervisor runs with instead. */
  readonly running?: Running;
}

/** Settings of fpm-ts.toml that a supervisor runs with and the files say otherwise, by dotted key. */
export type Running = Readonly<Record<string, TomlValue>>;

/** @param running what a supervisor runs with, by dotted key. @returns what differs of it */
export function differing(config: GlobalConfig, running: Readonly<Record<string, unknown>>): Running {
  const said: Readonly<Record<string, unknown>> = globalSettings(config);
  const keys = Object.keys(running).filter(
    key => key in said && JSON.stringify(running[key]) !== JSON.stringify(said[key]),
  );
  return Object.fromEntries(keys.map(key => [key, running[key] as TomlValue]));
}

/** The whole: fpm-ts.toml, then each pool file, each under a comment line `# ==> FILE <==`. */
export function printConfig(config: GlobalConfig, options: PrintOptions = {}): string {
  const parts = config.pools.map(pool => `# ==> ${pool.file} <==\n${printPool(pool, options)}`);
  return [
    `# ==> ${config.file ?? '(no configuration file)'} <==\n${printGlobal(config, options)}`,
    ...parts,
  ].join('\n');
}

/** fpm-ts.toml; what [defaults] said is in the pools. */
export function printGlobal(config: GlobalConfig, options: PrintOptions = {}): string {
  return printLines(null, Object.entries(globalSettings(config)), options);
}

/** A pool file; what `extends` and [defaults] said is in it. */
export function printPool(pool: PoolConfig, options: PrintOptions = {}): string {
  const masked = pool.secretEnv.map(name => `# env.${tomlKey(name)} = "${MASK}" (from env_files)\n`);
  return printLines(pool.name, Object.entries(poolSettings(pool)), options) + masked.join('');
}

interface Line {
  readonly text: string;
  readonly origin: string;
}

function printLines(
  pool: string | null,
  settings: readonly (readonly [string, TomlValue | undefined])[],
  options: PrintOptions,
): string {
  const lines = settings.flatMap(([name, value]) => [
    ...printSetting(pool, name, value, options.origins),
    ...(pool === null ? printRunning(name, options.running?.[name]) : []),
  ]);
  const width = Math.min(
    48,
    Math.max(...lines.filter(line => line.origin !== '').map(line => line.text.length)),
  );
  return lines
    .map(line => (line.origin === '' ? line.text : `${line.text.padEnd(width)}  # ${line.origin}`))
    .join('\n')
    .concat('\n');
}

function printSetting(
  pool: string | null,
  name: string,
  value: TomlValue | undefined,
  origins: Sources | undefined,
): Line[] {
  if (value === undefined) return [{ text: `# ${name} is not set: ${notSet(pool, name)}`, origin: '' }];
  const originOf = (element?: string): string =>
    origins ? describeOrigin(origins.place(pool, name, element)) : '';
  if (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0) {
    return Object.entries(value).map(([element, inner]) => ({
      text: tomlLine([...name.split('.'), element], escapeAll(inner)),
      origin: originOf(element),
    }));
  }
  return [{ text: tomlLine(name.split('.'), escapeAll(value)), origin: originOf() }];
}

function printRunning(name: string, value: TomlValue | undefined): Line[] {
  if (value === undefined) return [];
  const until = KEYS.global.get(name)?.meta.applies === 'restart' ? 'restart' : 'reload';
  const line = tomlLine(name.split('.'), escapeAll(value));
  return [{ text: `# running: ${line} until a ${until}`, origin: '' }];
}

/** What holds for a key without a value. */
function notSet(pool: string | null, name: string): string {
  return KEYS[pool === null ? 'global' : 'pool'].get(name)?.meta.computedDefault ?? 'none';
}

/** Values are printed expanded, so what looks like a variable in one is not. */
function escapeAll(value: TomlValue): TomlValue {
  if (typeof value === 'string') return escapeExpansion(value);
  return Array.isArray(value) ? value.map(escapeAll) : value;
}

function describeOrigin(place: KeyPlace): string {
  if (place.via === 'default') return 'default';
  const where = `${place.file}:${place.line}`;
  if (place.via === 'defaults') return `[defaults] ${where}`;
  return place.via === 'extends' ? `extends ${where}` : where;
}

/** For `--json`: the same keys by dotted name; `origin` by key where origins are asked for; `running` where it differs. */
export function configToJson(config: GlobalConfig, options: PrintOptions = {}): object {
  const pools = config.pools.map(pool => poolToJson(pool, options));
  const { running = {} } = options;
  return {
    file: config.file,
    ...settingsToJson(null, globalSettings(config), options),
    ...(Object.keys(running).length > 0 && { running }),
    pools,
  };
}

export function poolToJson(pool: PoolConfig, options: PrintOptions = {}): object {
  const { settings, origin } = settingsToJson(pool.name, poolSettings(pool), options);
  const masked = Object.fromEntries(pool.secretEnv.map(name => [name, MASK]));
  const env = { ...masked, ...(settings.env as object) };
  const files = options.origins ? describeOrigin(options.origins.place(pool.name, 'env_files')) : '';
  const origins = {
    ...origin,
    ...Object.fromEntries(pool.secretEnv.map(name => [`env.${name}`, `env_files ${files}`])),
  };
  return {
    name: pool.name,
    file: pool.file,
    settings: { ...settings, env },
    ...(origin && { origin: origins }),
  };
}

interface JsonSettings {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly origin?: Readonly<Record<string, string>>;
}

function settingsToJson(
  pool: string | null,
  settings: Readonly<Record<string, unknown>>,
  { origins }: PrintOptions,
): JsonSettings {
  const names = Object.keys(settings).filter(name => settings[name] !== undefined);
  const values = Object.fromEntries(names.map(name => [name, settings[name]]));
  if (!origins) return { settings: values };
  const origin = Object.fromEntries(
    names.flatMap(name => originsOf(name, settings[name], element => origins.place(pool, name, element))),
  );
  return { settings: values, origin };
}

/** One for a key; for a table that is not empty, one for each of its names. */
function originsOf(
  name: string,
  value: unknown,
  place: (element?: string) => KeyPlace,
): (readonly [string, string])[] {
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
  const elements = isTable ? Object.keys(value) : [];
  if (elements.length === 0) return [[name, describeOrigin(place())]];
  return elements.map(element => [`${name}.${element}`, describeOrigin(place(element))]);
}
