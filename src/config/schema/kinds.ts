/**
 * The kinds of value that settings have: what a file may say, what is made of it, and how it is written back. A size or
 * a duration is one number with one unit; the effective configuration has that unit in its names.
 */
import { isAbsolute, resolve } from 'node:path';
import * as z from 'zod';
import type { TomlValue } from '../toml/write.ts';
import {
  formatDuration,
  formatMode,
  formatPercent,
  formatSize,
  OCTAL_MODE,
  parseDurationMs,
  parsePercent,
  parseSizeBytes,
} from '../values.ts';

export interface Kind<Value, Unit extends string = ''> {
  /** From what a file says to the value. */
  readonly schema: z.ZodType<Value>;
  /** What a file may say, in words that fit after "allowed: ". */
  readonly allowed: string;
  /** Ends the name of the value in the effective configuration. */
  readonly unit: Unit;
  /** Checks a value that was saved as JSON. */
  readonly saved: z.ZodType<Value>;
  /** As a file would say it. */
  print(value: Value): TomlValue;
  /** Makes absolute what a file in the directory `here` says; left out where nothing in it is a path. */
  readonly absolute?: (said: unknown, here: string) => unknown;
  /** A table of the user's own names, which is merged name by name. */
  readonly isTable?: true;
}

/** A kind whose value is what the file says. */
export function plain<Value extends TomlValue>(
  schema: z.ZodType<Value>,
  allowed: string,
  more: Partial<Kind<Value>> = {},
): Kind<Value> {
  return { schema, allowed, unit: '', saved: schema, print: value => value, ...more };
}

export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): Kind<Words[number]> {
  const quoted = words.map(word => JSON.stringify(word));
  const allowed = [quoted.slice(0, -1).join(', '), quoted.at(-1)].join(' or ');
  return plain(z.enum(words) as z.ZodType<Words[number]>, allowed);
}

export const truth: Kind<boolean> = plain(z.boolean(), 'true or false');

export function count(min: number, max: number): Kind<number> {
  return plain(z.int().min(min).max(max), `a whole number from ${min} to ${max}`);
}

function refuse(ctx: z.core.$RefinementCtx, message: string): never {
  ctx.issues.push({ code: 'custom', message, input: ctx.value });
  return z.NEVER;
}

const text = (pattern: RegExp, example: string) =>
  z
    .string()
    .regex(pattern)
    .meta({ examples: [example] });

const amount = z.number().min(0);

export const duration: Kind<number, 'Ms'> = {
  schema: z
    .union([text(/^\d+(\.\d+)?(ms|s|m|h|d)?$/, '10s'), z.number().min(0)])
    .transform(
      (value, ctx) => parseDurationMs(value) ?? refuse(ctx, 'longer than the 24 days a timer holds'),
    ),
  allowed: 'a duration such as "500ms", "10s", "5m" or "1h", or a number of seconds',
  unit: 'Ms',
  saved: amount,
  print: formatDuration,
};

export const size: Kind<number, 'Bytes'> = {
  schema: z
    .union([text(/^\d+(\.\d+)?[KMGTkmgt]?$/, '256M'), z.int().min(0)])
    .transform((value, ctx) => parseSizeBytes(value) ?? refuse(ctx, 'not a whole number of bytes')),
  allowed: 'a size such as "64K", "256M" or "1G", or a number of bytes',
  unit: 'Bytes',
  saved: amount,
  print: formatSize,
};

/** The bits. */
export const mode: Kind<number> = {
  schema: text(OCTAL_MODE, '0660').transform(digits => Number.parseInt(digits, 8)),
  allowed: 'a string of three or four octal digits such as "0660"',
  unit: '',
  saved: amount,
  print: formatMode,
};

/** A fraction of 1. */
export const percent: Kind<number> = {
  schema: text(/^\d+(\.\d+)?%$/, '10%').transform(
    (value, ctx) => parsePercent(value) ?? refuse(ctx, 'more than 100%'),
  ),
  allowed: 'a percentage such as "10%"',
  unit: '',
  saved: amount,
  print: formatPercent,
};

export type Limit = number | 'unlimited';

export const countLimit: Kind<Limit> = plain(
  z.union([z.int().min(0), z.literal('unlimited')]),
  'a whole number, or "unlimited"',
);

export const sizeLimit: Kind<Limit> = {
  schema: z.union([z.literal('unlimited'), size.schema]),
  allowed: `${size.allowed}, or "unlimited"`,
  unit: '',
  saved: countLimit.saved,
  print: value => (value === 'unlimited' ? value : formatSize(value)),
};

/** What can be an argument, a path or a variable: C ends a string at a NUL. */
export const plainText: z.ZodString = z
  .string()
  .refine(value => !value.includes('\0'), { message: 'it has a NUL in it' });

function absolutePath(said: unknown, here: string): unknown {
  return typeof said === 'string' && said !== '' && !isAbsolute(said) ? resolve(here, said) : said;
}

/** It is absolute when the schema sees it; only an empty one can still be wrong. */
export const path: Kind<string> = plain(plainText.min(1), 'a path', { absolute: absolutePath });

export const paths: Kind<readonly string[]> = plain(z.array(plainText.min(1)), 'a list of paths', {
  absolute: (said, here) => (Array.isArray(said) ? said.map(item => absolutePath(item, here)) : said),
});

/** A path, or a word that is none. */
export function pathOr(word: string): Kind<string> {
  return {
    ...path,
    allowed: `"${word}" or a path`,
    absolute: (said, here) => (said === word ? said : absolutePath(said, here)),
  };
}

/** The program and its arguments. A name without a slash is looked for in the PATH of the worker. */
export const argv: Kind<readonly string[]> = plain(
  z
    .array(plainText)
    .min(1)
    .refine(([program]) => program !== '', { message: 'has an empty program name' }),
  'a list of strings, the program first',
  {
    absolute: (said, here) =>
      Array.isArray(said)
        ? said.map((item, at) => (at === 0 && String(item).includes('/') ? absolutePath(item, here) : item))
        : said,
  },
);

/** A name, or an id as number or string. */
export function account(what: string): Kind<string> {
  return {
    schema: z.union([z.string().min(1), z.int().min(0)]).transform(String),
    allowed: what,
    unit: '',
    saved: z.string(),
    print: value => value,
  };
}

export const user: Kind<string> = account('a user name or a uid');
export const userGroup: Kind<string> = account('a group name or a gid');
