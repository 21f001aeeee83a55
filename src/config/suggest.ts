/** The line that was probably meant, where a value is of the wrong kind. A suggestion always passes the schema. */
import { distance } from 'fastest-levenshtein';
import * as z from 'zod';
import type { KeyInfo } from './schema.ts';
import { type TomlValue, tomlLine, tomlPath, tomlValue } from './toml/write.ts';

/** `token` is the value as spelled; a remedy that is not a corrected line says how to leave the key alone. */
export function remedyFor(key: KeyInfo, value: unknown, token: string): string {
  const meant = candidates(key, value, token).find(it => key.schema.safeParse(it).success);
  if (meant !== undefined) return `write: ${tomlLine(key.path, meant)}`;
  return fallback(key);
}

function fallback(key: KeyInfo): string {
  const name = tomlPath(key.path);
  const { default: value } = key.meta;
  if (value !== undefined)
    return `leave ${name} out for its default, ${tomlValue(value)}, or set ${key.meta.allowed}`;
  if (key.meta.computedDefault !== undefined)
    return `leave ${name} out (${key.meta.computedDefault}), or set ${key.meta.allowed}`;
  return `set ${name} to ${key.meta.allowed}`;
}

function candidates(key: KeyInfo, value: unknown, token: string): TomlValue[] {
  const octal = /^(?:0o)?([0-7]{2,4})$/.exec(token)?.[1];
  const fromNumber =
    typeof value === 'number' && value >= 0
      ? [...(octal ? [octal.padStart(4, '0')] : []), String(value)]
      : [];
  if (typeof value !== 'string') return fromNumber;
  const trimmed = value.trim();
  const isOneCommand = key.name === 'command' && trimmed.includes(' ');
  return [
    trimmed,
    ...truth(trimmed),
    ...(/^-?\d+$/.test(trimmed) ? [Number(trimmed)] : []),
    ...enumValue(key.kind.schema, trimmed),
    // "30 sec" and "30 seconds" are 30s, "256 MB" and "256MiB" are 256M.
    trimmed.replace(
      /^(\d+)\s*(ms|s|m|h|d)[a-z]*$/i,
      (_, count, unit) => `${count}${String(unit).toLowerCase()}`,
    ),
    trimmed.replace(/^(\d+)\s*([KMGT])i?B$/i, '$1$2'),
    // A program and its arguments as a shell takes them; one whose path has a blank in it is rare.
    ...(isOneCommand ? [trimmed.split(/\s+/)] : []),
    [value],
  ];
}

function truth(text: string): boolean[] {
  const match = /^(?:(yes|on|true|1)|no|off|false|0)$/i.exec(text);
  return match ? [match[1] !== undefined] : [];
}

/** The nearest of a fixed set of words. */
function enumValue(schema: z.ZodType, text: string): string[] {
  if (!(schema instanceof z.ZodEnum)) return [];
  const words = schema.options.map(String).sort((a, b) => distance(text, a) - distance(text, b));
  const [nearest] = words;
  return nearest !== undefined && distance(text.toLowerCase(), nearest) <= 2 ? [nearest] : [];
}
