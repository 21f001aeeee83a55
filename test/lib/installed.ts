/**
 * fpm-ts and the Node that runs it as they are after an installation, where every user can read them: what is
 * tested may be a clone under /root, with a Node from /root/.nvm.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MAIN, REPOSITORY } from './paths.ts';
import type { Scope } from './suite.ts';

export interface Installed {
  readonly node: string;
  readonly main: string;
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/** What is tested itself where every user can read it, else a copy. */
export function readableByAll(scope: Scope): Installed {
  const isReadable = isForEverybody(dirname(MAIN)) && isForEverybody(process.execPath);
  return isReadable ? { node: process.execPath, main: MAIN } : install(scope);
}

/** Copies the built program and the packages that it needs to run. */
export function install(scope: Scope): Installed {
  const target = join(scope.dir, 'installed');
  mkdirSync(target, { mode: 0o755 });
  for (const part of ['package.json', 'dist']) copyPart(part, target);
  copyPackages(target);
  return { node: readableNode(target), main: join(target, MAIN.slice(REPOSITORY.length + 1)) };
}

/** Copies the packages that fpm-ts needs to run, and those whose path in the lock file matches. */
export function copyPackages(target: string, more: RegExp = /^$/): void {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as LockFile;
  for (const [path, { dev }] of Object.entries(lock.packages))
    if (path !== '' && (dev !== true || more.test(path))) copyPart(path, target);
}

/** Packages for other processors are in the lock file, but not here. */
export function copyPart(part: string, target: string): void {
  const from = join(REPOSITORY, part);
  if (existsSync(from)) cpSync(from, join(target, part), { recursive: true, verbatimSymlinks: true });
}

function readableNode(target: string): string {
  if (isForEverybody(process.execPath)) return process.execPath;
  const copy = join(target, 'node');
  cpSync(process.execPath, copy);
  chmodSync(copy, 0o755);
  return copy;
}

/** Whether every user can execute it, or enter it. */
export function isForEverybody(path: string): boolean {
  const { mode } = statSync(path);
  return (mode & 0o001) !== 0 && (path === '/' || isForEverybody(dirname(path)));
}
