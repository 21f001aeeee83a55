/** Reading what a user names as a file: only a regular one, and not without end. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';

/** Far more than any honest configuration, and little enough to hold in memory. */
export const FILE_MAX_BYTES: number = 16 * 1024 * 1024;

const CHUNK_BYTES = 64 * 1024;
/** A pipe without a writer must not hold us up, and a terminal must not become ours. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** What a file is instead of one that can be read; the message goes after its path. */
export class NoFileError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'NoFileError';
    this.remedy = remedy;
  }
}

/** @throws {NoFileError} when there is no such file, it is none, is larger than FILE_MAX_BYTES, or may not be read */
export function readRegularFile(path: string): Buffer {
  try {
    assertRegular(statSync(path)); // before it is opened: to open a device may already do something
    const descriptor = openSync(path, OPEN_FLAGS);
    try {
      assertRegular(fstatSync(descriptor)); // it may be another one by now
      return readAll(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw error instanceof NoFileError ? error : explain(path, error);
  }
}

function assertRegular(stat: Stats): void {
  if (!stat.isFile()) throw new NoFileError(`is ${kindOf(stat)}, not a regular file`, 'name a regular file');
}

/** Something has that name, a link that leads nowhere as well, or may have it where we may not look. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** What a file is, with its article. */
export function kindOf(stat: Stats): string {
  if (stat.isFile()) return 'a regular file';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isFIFO()) return 'a named pipe';
  return stat.isSocket() ? 'a socket' : 'a device';
}

/** Counted while it is read: what stands under /proc has a size of 0. */
function readAll(descriptor: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const length = readSync(descriptor, chunk);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
    total += length;
    if (total > FILE_MAX_BYTES) {
      const message = `is larger than ${FILE_MAX_BYTES / 2 ** 20} MB, which no configuration is`;
      throw new NoFileError(message, 'name the right file');
    }
  }
}

function explain(path: string, error: unknown): NoFileError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT') {
    const target = linkTarget(path);
    return target === null
      ? new NoFileError('does not exist', `create ${path}, or correct the path`)
      : new NoFileError(
          `is a symbolic link to ${target}, which does not exist`,
          'create that, or remove the link',
        );
  }
  if (code === 'ELOOP')
    return new NoFileError('is a symbolic link that leads back to itself', 'correct or remove the link');
  if (code === 'EACCES')
    return new NoFileError('cannot be read (EACCES)', `let the user who starts fpm-ts read ${path}`);
  return new NoFileError(`cannot be read (${code})`, 'correct the path');
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // no link
  }
}
