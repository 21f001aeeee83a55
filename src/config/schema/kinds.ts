/** The kinds of value that several keys share: each takes what people write and yields a number with one unit. */
import * as z from 'zod';
import { OCTAL_MODE, parseDurationMs, parsePercent, parseSizeBytes } from '../values.ts';

type Refuse = z.core.$RefinementCtx;

function refuse(ctx: Refuse, message: string): never {
  ctx.issues.push({ code: 'custom', message, input: ctx.value });
  return z.NEVER;
}

const text = (pattern: RegExp, example: string) =>
  z
    .string()
    .regex(pattern)
    .meta({ examples: [example] });

export const DURATION_FORMS = 'a duration such as "500ms", "10s", "5m" or "1h", or a number of seconds';

/** Yields milliseconds. */
export const duration = z
  .union([text(/^\d+(\.\d+)?(ms|s|m|h|d)?$/, '10s'), z.number().min(0)])
  .transform((value, ctx) => parseDurationMs(value) ?? refuse(ctx, 'longer than the 24 days a timer holds'));

export const SIZE_FORMS = 'a size such as "64K", "256M" or "1G", or a number of bytes';

/** Yields bytes. */
export const size = z
  .union([text(/^\d+(\.\d+)?[KMGTkmgt]?$/, '256M'), z.int().min(0)])
  .transform((value, ctx) => parseSizeBytes(value) ?? refuse(ctx, 'not a whole number of bytes'));

export const MODE_FORMS = 'a string of three or four octal digits such as "0660"';

/** Yields the bits. */
export const mode = text(OCTAL_MODE, '0660').transform(digits => Number.parseInt(digits, 8));

/** Yields a fraction of 1. */
export const percent = text(/^\d+(\.\d+)?%$/, '10%').transform(
  (value, ctx) => parsePercent(value) ?? refuse(ctx, 'more than 100%'),
);

export const COUNT_LIMIT_FORMS = 'a whole number, or "unlimited"';
export const countLimit = z.union([z.int().min(0), z.literal('unlimited')]);

export const SIZE_LIMIT_FORMS = `${SIZE_FORMS}, or "unlimited"`;
export const sizeLimit = z.union([z.literal('unlimited'), size]);

/** What can be an argument, a path or a variable: C ends a string at a NUL. */
export const plainText = z.string().refine(value => !value.includes('\0'), { message: 'it has a NUL in it' });

/** A path that has been made absolute by the loader; only an empty one can still be wrong here. */
export const path = plainText.min(1);

/** A user or a group: a name, or an id as number or string. */
export const account = z.union([z.string().min(1), z.int().min(0)]).transform(String);
