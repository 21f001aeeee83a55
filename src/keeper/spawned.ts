/**
 * The run directory of an `fpm-ts spawn`, which holds its configuration, too, and which nobody else knows of: it goes
 * with the keeper. A mark in it says so, because a run directory that an administrator has named may hold anything.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { JOURNAL_FILE } from './handover/journal.ts';

export const SPAWNED_MARK = '.spawned';

/**
 * Removes what is in it, but for the files that say that it is taken. One with the state of a keeper that was killed
 * is left to the next, which finds its workers by it.
 * @returns whether it is to be removed as well
 */
export function emptySpawned(runDir: string, signs: readonly (string | undefined)[]): boolean {
  if (!existsSync(join(runDir, SPAWNED_MARK)) || existsSync(join(runDir, JOURNAL_FILE))) return false;
  for (const name of readdirSync(runDir)) {
    const path = join(runDir, name);
    if (!signs.includes(path)) rmSync(path, { recursive: true, force: true });
  }
  return true;
}

/** Removes it, and the directory of all of them when it was the last; one that is in use again stays. */
export function removeSpawned(runDir: string): void {
  try {
    rmdirSync(runDir);
    rmdirSync(dirname(runDir));
  } catch {
    // not empty: somebody else's
  }
}
