/** Which pool files `include` means, in alphabetical order, and the names of their pools. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { matchFiles } from './glob.ts';
import { type Problem, problem } from './problems.ts';
import { isThere } from './read-file.ts';
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
    for (const { isError, message, remedy } of found.troubles) {
      if (!isError && place.via === 'default') continue;
      const parts = { key: 'include', found: JSON.stringify(pattern), remedy };
      problems.push(problem('CONFIG_MISSING', place, message, parts, isError ? 'error' : 'notice'));
    }
  }
  const named = nameFiles([...files].sort());
  return { files: named.files, problems: [...problems, ...named.problems] };
}

interface Trouble {
  readonly isError: boolean;
  readonly message: string;
  readonly remedy: string;
}

interface Found {
  readonly files: readonly string[];
  readonly troubles: readonly Trouble[];
}

function findPattern(pattern: string, here: string): Found {
  // A pattern is matched from `here`, so that a directory above with a bracket in its name is not part of it.
  const inside = isAbsolute(pattern) ? relative(here, pattern) : pattern;
  const isBelow = !inside.startsWith('..') && !isAbsolute(inside);
  const effective = isBelow ? inside : resolve(here, pattern);
  if (!isDynamicPattern(effective)) return findLiteral(resolve(here, pattern));
  const trouble = directoryTrouble(resolve(here, staticPart(effective)));
  if (trouble) return { files: [], troubles: [trouble] };
  const { files, unread } = matchFiles(effective, here);
  return { files, troubles: unread.map(({ directory, code }) => unreadable(directory, code)) };
}

function findLiteral(path: string): Found {
  if (leadsTo(path)?.isDirectory()) {
    const remedy = `write: include = ["${path}/*.toml"]`;
    return { files: [], troubles: [{ isError: true, message: `${path} is a directory`, remedy }] };
  }
  if (isThere(path)) return { files: [path], troubles: [] };
  const message = `${path} does not exist`;
  const remedy = 'create it, or remove it from include';
  return { files: [], troubles: [{ isError: true, message, remedy }] };
}

/** The directories of a pattern before its first wildcard. */
function staticPart(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(part => isDynamicPattern(part));
  return parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.');
}

/** A directory that is not there holds no pools; one that cannot be read may hold all of them. */
function directoryTrouble(directory: string): Trouble | null {
  try {
    readdirSync(directory);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code !== 'ENOENT') return unreadable(directory, code);
    const dangling = danglingLink(directory);
    if (dangling !== null) {
      const message = `${dangling} is a symbolic link that leads nowhere`;
      return { isError: true, message, remedy: 'create what it leads to, or remove the link' };
    }
    const message = `${directory} does not exist: no pools from it`;
    return { isError: false, message, remedy: `create ${directory}` };
  }
}

function unreadable(directory: string, code: string): Trouble {
  const remedy = `let the user who starts fpm-ts read ${directory}`;
  return { isError: true, message: `${directory} cannot be read (${code})`, remedy };
}

/** The link on the way to a path that is not there, if it is one that is to blame. */
function danglingLink(path: string): string | null {
  if (isThere(path)) return leadsTo(path) === null ? path : null;
  return path === dirname(path) ? null : danglingLink(dirname(path));
}

function leadsTo(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
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
      const message = `${JSON.stringify(pool)} is not the name of a pool; allowed: ${allowed}`;
      const remedy = `rename the file to ${validName(pool)}${extname(file)}`;
      problems.push(
        problem('CONFIG_POOL_NAME', place, message, { found: JSON.stringify(pool), allowed, remedy }),
      );
    } else if (other !== undefined) {
      const message = `the pool "${pool}" is already set by ${other}`;
      problems.push(problem('CONFIG_POOL_NAME', place, message, { remedy: 'rename one of the two files' }));
    } else byName.set(pool, file);
  }
  return { files: [...byName].map(([pool, file]) => ({ pool, file })), problems };
}

function validName(name: string): string {
  const plain = name
    .normalize('NFKD') // letters come apart from their accents,
    .replace(/\p{M}/gu, '') // which go
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return plain === '' ? 'pool' : plain;
}
