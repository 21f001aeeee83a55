/** Values and keys as TOML text: for messages with a corrected line, and for `fpm-ts config`. */

export type TomlValue =
  | string
  | number
  | boolean
  | readonly TomlValue[]
  | { readonly [name: string]: TomlValue };

/** A basic string; what TOML does not allow in one is escaped. */
export function tomlString(text: string): string {
  // JSON's escapes are TOML's, except that TOML also wants DEL escaped and a lone surrogate is not a character.
  return JSON.stringify(
    text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd'),
  ).replaceAll('\x7f', '\\u007f');
}

/** A bare key where TOML allows one, else a quoted one. */
export function tomlKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : tomlString(name);
}

/** `listen.mode`, `env."a b"` */
export function tomlPath(path: readonly (string | number)[]): string {
  return path.map(part => (typeof part === 'number' ? String(part) : tomlKey(part))).join('.');
}

export function tomlValue(value: TomlValue): string {
  if (typeof value === 'string') return tomlString(value);
  if (typeof value === 'number') return tomlNumber(value);
  if (typeof value === 'boolean') return String(value);
  if (isList(value)) return `[${value.map(tomlValue).join(', ')}]`;
  const entries = Object.entries(value).map(([name, inner]) => `${tomlKey(name)} = ${tomlValue(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** One line, `key = value`. */
export function tomlLine(path: readonly (string | number)[], value: TomlValue): string {
  return `${tomlPath(path)} = ${tomlValue(value)}`;
}

function isList(value: TomlValue): value is readonly TomlValue[] {
  return Array.isArray(value);
}

function tomlNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}
