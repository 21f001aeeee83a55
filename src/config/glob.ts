/**
 * What a pattern of `include` matches, without leaving anything out in silence: a dangling link, a pipe or a
 * directory under the name of a pool file may be a pool that was meant, and one that vanishes is stopped by the
 * next reload. Whoever reads them says what they are.
 */
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { globSync } from 'tinyglobby';

export interface Matches {
  /** Absolute; whatever is no directory, and directories that are called like a file. */
  readonly files: readonly string[];
  /** Directories below the pattern that may hold more, and why they cannot be read. */
  readonly unread: readonly { readonly directory: string; readonly code: string }[];
}

/** `here` is the absolute directory that a relative pattern starts from. */
export function matchFiles(pattern: string, here: string): Matches {
  const unread: Matches['unread'][number][] = [];
  const list = (path: string): Dirent[] => {
    try {
      return readdirSync(path, { withFileTypes: true }).flatMap(entry => asSeen(path, entry));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      if (code !== 'ENOENT') unread.push({ directory: resolve(path), code });
      return [];
    }
  };
  const fs = { readdirSync: list as unknown as typeof readdirSync };
  const files = globSync(pattern, { cwd: here, absolute: true, expandDirectories: false, dot: false, fs });
  return { files, unread };
}

/** As the library is to see it, which leaves out what is neither a file nor a directory, and links that lead nowhere. */
function asSeen(path: string, entry: Dirent): Dirent[] {
  const isDirectory =
    entry.isDirectory() || (entry.isSymbolicLink() && leadsToDirectory(join(path, entry.name)));
  if (!isDirectory) return [asFile(entry)];
  return extname(entry.name) === '' ? [entry] : [asFile(entry), entry];
}

function asFile(entry: Dirent): Dirent {
  const isNot = (): boolean => false;
  return Object.assign(Object.create(entry) as Dirent, {
    name: entry.name,
    isFile: () => true,
    isDirectory: isNot,
    isSymbolicLink: isNot,
  });
}

function leadsToDirectory(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false; // it leads nowhere, or not where we may look
  }
}
