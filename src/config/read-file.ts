/** Reading what a user names as a file: only a regular one, and not without end. */
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { foreignLink, NOBODY } from '../os/exchange.ts';
import { type FileUser, withRightsOf } from '../os/file-rights.ts';
import { unlessLed } from '../os/link-remedy.ts';
import { openExchangeable, READ_FLAGS } from '../os/regular-file.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';

/** Far more than any honest configuration, and little enough to hold in memory. */
export const FILE_MAX_BYTES: number = 16 * 1024 * 1024;

const CHUNK_BYTES = 64 * 1024;
/** What a file is instead of one that can be read; the message goes after its path. */
export class NoFileError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'NoFileError';
    this.remedy = remedy;
  }
}

export interface ReadOptions {
  /** With whose rights, because others than root could exchange it; null: our own. */
  readonly rights?: FileUser | null;
  readonly maxBytes?: number;
}

/** @throws {NoFileError} when there is no such file, it is none, is larger than it may be, or may not be read */
export function readRegularFile(path: string, options: ReadOptions = {}): Buffer {
  const { rights = null, maxBytes = FILE_MAX_BYTES } = options;
  return rights === null
    ? read(path, null, () => openOwn(path), maxBytes)
    : withRightsOf(rights, () => read(path, rights, () => openExchangeable(path, assertRegular), maxBytes));
}

function read(path: string, rights: FileUser | null, open: () => number, maxBytes: number): Buffer {
  try {
    const descriptor = open();
    try {
      assertRegular(fstatSync(descriptor)); // it may be another one by now
      return readAll(descriptor, maxBytes);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw error instanceof NoFileError ? error : explain(path, error, rights);
  }
}

function openOwn(path: string): number {
  assertRegular(statSync(path)); // before it is opened: to open a device may already do something
  return openSync(path, READ_FLAGS);
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
function readAll(descriptor: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const length = readSync(descriptor, chunk);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
    total += length;
    if (total > maxBytes) {
      const message = `is larger than ${maxBytes / 1024} KB, which no such file is`;
      throw new NoFileError(message, 'name the right file');
    }
  }
}

function explain(path: string, error: unknown, rights: FileUser | null): NoFileError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT') {
    const target = linkTarget(path);
    return target === null
      ? new NoFileError('does not exist', unlessLed(foreignLink(path), `create ${path}, or correct the path`))
      : new NoFileError(
          `is a symbolic link to ${target}, which does not exist`,
          unlessLed(foreignLink(path), 'create that, or remove the link'),
        );
  }
  if (code === 'ELOOP' && rights !== null)
    return new NoFileError('leads through a link of /proc, or in a circle', 'correct or remove the link');
  if (code === 'ELOOP')
    return new NoFileError('is a symbolic link that leads back to itself', 'correct or remove the link');
  if (code === 'EACCES' && rights !== null) {
    const who = nameOf(rights);
    const message = `cannot be read with the rights of ${who ?? 'everybody'} (EACCES), and is not read with those of root: others than root can replace it`;
    const keep = 'keep it in a directory that only root may write, as all directories above it';
    const remedy = who === null ? keep : `let ${who} read it, or ${keep}`;
    return new NoFileError(message, unlessLed(foreignLink(path), remedy));
  }
  if (code === 'EACCES')
    return new NoFileError('cannot be read (EACCES)', `let the user who starts fpm-ts read ${path}`);
  return new NoFileError(`cannot be read (${code})`, 'correct the path');
}

/** null: those of everybody, and nobody is to be let in for their sake. */
function nameOf({ uid, groups: [gid] }: FileUser): string | null {
  const isNobody = uid === NOBODY.uid && gid !== NOBODY.gid; // a pool may run as the user `nobody`, too
  if (!isNobody) return lookupUser(String(uid))?.name ?? `uid ${uid}`;
  return gid === undefined ? null : `the group ${lookupGroup(String(gid))?.name ?? gid}`;
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // no link
  }
}
