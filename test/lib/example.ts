/**
 * The configurations in examples/, as an administrator copies them. A test may replace paths, addresses and,
 * for an ordinary user, the user's name: nothing else, and never something that does not stand there.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { EXAMPLES } from './paths.ts';
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

/** A pool file of examples/pools.d; an ordinary user can run it only as himself. */
export function readPool(name: string, replacements: Replacements): string {
  const text = readExample(join('pools.d', `${name}.toml`), replacements);
  return IS_ROOT ? text : text.replaceAll('"www-data"', `"${userInfo().username}"`);
}
