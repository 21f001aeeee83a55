/**
 * Opening a regular file that others may exchange for something else at any moment: it is named first (O_PATH, which no
 * pipe and no device holds up), looked at, and then what was looked at is opened.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { openAsReference, RESOLVE, WORKING_DIRECTORY } from './openat2.ts';

/** A pipe without a writer must not hold us up, and a terminal must not become ours. */
export const READ_FLAGS: number = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface Where {
  /** From which directory the name is followed; the working directory when left out. */
  readonly directory?: number;
  /** Of RESOLVE; links are followed, but for those of /proc, when left out. */
  readonly resolve?: number;
}

/**
 * @param assert throws for what is not to be opened
 * @returns a descriptor for reading
 * @throws {Error} with the system error's name as its code
 */
export function openExchangeable(name: string, assert: (stat: Stats) => void, where: Where = {}): number {
  const { directory = WORKING_DIRECTORY, resolve = RESOLVE.noMagicLinks } = where;
  const reference = openAsReference(directory, name, resolve);
  try {
    assert(fstatSync(reference));
    return openSync(`/proc/self/fd/${reference}`, READ_FLAGS);
  } finally {
    closeSync(reference);
  }
}
