/** Which pool files `include` means, in alphabetical order, and the names of their pools. */
import { readdirSync, statSync } from 'node:fs';
import { basename, extname, isAbsolute, relative, resolve } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { type Problem, problem } from './problems.ts';
import type { KeyPlace } from './sources.ts';

export interface IncludedFile {
  readonly file: string;
  readonly pool: string;
}

export interface Included {
  readonly files: readonly IncludedFile[];
  readonly problems: readonly Problem[];
}

export const POOL_NAME: RegExp = /^[a-z0-9][a-z0-9_-]*$/;

/** `here` is the directory that relative patterns start from; `places` are those of the patterns. */
export function findPoolFiles(
  patterns: readonly string[],
  here: string,
  places: readonly KeyPlace[],
): Included {
  const problems: Problem[] = [];
  const files = new Set<string>();
  for (const [at, pattern] of patterns.entries()) {
    const found = findPattern(pattern, here);
    for (const file of found.files) files.add(file);
    const place = places[at] ?? { file: here, line: null, column: null, via: 'default' };
    if (found.trouble && (found.trouble.isError || place.via !== 'default')) {
      const severity = found.trouble.isError ? 'error' : 'notice';
      const parts = { key: 'include', found: JSON.stringify(pattern), remedy: found.trouble.remedy };
      problems.push(problem('CONFIG_MISSING', place, found.trouble.message, parts, severity));
    }
  }
  const named = nameFiles([...files].sort());
  return { files: named.files, problems: [...problems, ...named.problems] };
}

interface Found {
  readonly files: readonly string[];
  readonly trouble?: { readonly isError: boolean; readonly message: string; readonly remedy: string };
}

function findPattern(pattern: string, here: string): Found {
  // A pattern is matched from `here`, so that a directory above with a bracket in its name is not part of it.
  const inside = isAbsolute(pattern) ? relative(here, pattern) : pattern;
  const isBelow = !inside.startsWith('..') && !isAbsolute(inside);
  const effective = isBelow ? inside : resolve(here, pattern);
  if (!isDynamicPattern(effective)) return findLiteral(resolve(here, pattern));
  const trouble = directoryTrouble(resolve(here, staticPart(effective)));
  if (trouble) return { files: [], trouble };
  const options = { cwd: here, absolute: true, expandDirectories: false, dot: false };
  return { files: globSync(effective, options) };
}

function findLiteral(path: string): Found {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    const remedy = `write: include = ["${path}/*.toml"]`;
    return { files: [], trouble: { isError: true, message: `${path} is a directory`, remedy } };
  }
  if (stats) return { files: [path] };
  const message = `${path} does not exist`;
  return { files: [], trouble: { isError: true, message, remedy: 'create it, or remove it from include' } };
}

/** The directories of a pattern before its first wildcard. */
function staticPart(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(part => isDynamicPattern(part));
  return parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.');
}

function directoryTrouble(directory: string): Found['trouble'] {
  try {
    readdirSync(directory);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const isMissing = code === 'ENOENT';
    return {
      // A directory that is not there holds no pools; one that cannot be read may hold all of them.
      isError: !isMissing,
      message: isMissing
        ? `${directory} does not exist: no pools from it`
        : `${directory} cannot be read (${code})`,
      remedy: isMissing ? `create ${directory}` : `let the user who starts fpm-ts read ${directory}`,
    };
  }
}

function nameFiles(files: readonly string[]): Included {
  const problems: Problem[] = [];
  const byName = new Map<string, string>();
  for (const file of files) {
    const pool = basename(file, extname(file));
    const place = { file, line: 1, column: 1 };
    const other = byName.get(pool);
    if (!POOL_NAME.test(pool)) {
      const allowed = 'lower-case letters, digits, "_" and "-", a letter or digit first';
      const message = `"${pool}" is not the name of a pool; allowed: ${allowed}`;
      const remedy = `rename the file to ${validName(pool)}${extname(file)}`;
      problems.push(problem('CONFIG_POOL_NAME', place, message, { found: `"${pool}"`, allowed, remedy }));
    } else if (other !== undefined) {
      const message = `the pool "${pool}" is already set by ${other}`;
      problems.push(problem('CONFIG_POOL_NAME', place, message, { remedy: 'rename one of the two files' }));
    } else byName.set(pool, file);
  }
  return { files: [...byName].map(([pool, file]) => ({ pool, file })), problems };
}

function validName(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return plain === '' ? 'pool' : plain;
}
