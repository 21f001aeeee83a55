/** Versions of fpm-ts installed side by side, and a link that says which of them is the current one. */
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './paths.ts';
import type { Place } from './place.ts';

export interface Versions {
  /** What is started: the program of the current version. */
  readonly main: string;
  /**
   * Makes it the current one; it is installed when it is not there.
   * @param name of its directory, where several say the same version
   * @returns its directory
   */
  use(version: string, name?: string): string;
}

/** The built program as several versions, which differ in nothing but what they say. */
export function openVersions(place: Place, first: string): Versions {
  const root = join(place.dir, 'versions');
  const current = join(root, 'current');
  mkdirSync(root);
  const installed = new Set<string>();
  const use = (version: string, name = version): string => {
    const directory = join(root, name);
    if (!installed.has(name)) installVersion(directory, version);
    installed.add(name);
    symlinkSync(directory, `${current}.new`);
    renameSync(`${current}.new`, current);
    return directory;
  };
  use(first);
  return { main: join(current, 'dist/main.js'), use };
}

/** Puts the built program into a directory, over whatever is there. */
export function installVersion(directory: string, version: string): void {
  mkdirSync(directory, { recursive: true });
  cpSync(join(REPOSITORY, 'dist'), join(directory, 'dist'), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as object;
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ ...manifest, version }));
  const packages = join(directory, 'node_modules');
  try {
    symlinkSync(join(REPOSITORY, 'node_modules'), packages);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Changes one of its files; fails when that has no such text. */
export function patch(directory: string, file: string, from: string | RegExp, to: string): void {
  const path = join(directory, file);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${file} has no ${String(from)}`);
  writeFileSync(path, after);
}
