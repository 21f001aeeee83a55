/**
 * The configurations in examples/, as an administrator copies them. A test may replace paths, addresses and,
 * for an ordinary user, the user's name: nothing else, and never something that does not stand there.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { EXAMPLES, REPOSITORY } from './paths.ts';
import { IS_ROOT } from './suite.ts';

export type Replacements = Readonly<Record<string, string>>;

export function replaceAll(text: string, replacements: Replacements, where: string): string {
  let result = text;
  for (const [from, to] of Object.entries(replacements)) {
    if (!result.includes(from)) throw new Error(`${where} has no "${from}" to replace`);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** A file of examples/ with `replacements` made. */
export function readExample(name: string, replacements: Replacements): string {
  return replaceAll(readFileSync(join(EXAMPLES, name), 'utf8'), replacements, `examples/${name}`);
}

/** A pool file of examples/pools.d. */
export function readPool(name: string, replacements: Replacements): string {
  return asSelf(readExample(join('pools.d', `${name}.toml`), replacements));
}

export const README: string = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');

/** The pool file that the README shows. */
export function readmePool(replacements: Replacements): string {
  const text = /```toml\n(# \/etc\/fpm-ts\/pools\.d\/php\.toml\n.*?)```/s.exec(README)?.[1] ?? '';
  return asSelf(replaceAll(text, replacements, 'the pool in README.md'));
}

/** An ordinary user can run it only as himself. */
export function asSelf(text: string): string {
  return IS_ROOT ? text : text.replaceAll('"www-data"', `"${userInfo().username}"`);
}
