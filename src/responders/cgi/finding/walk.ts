/**
 * A path followed component by component, by descriptors: where a file stands in the middle of it, the script is found
 * and the rest is PATH_INFO, however long; and nothing that was passed can be exchanged any more.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { openDirectory, openReference, RESOLVE } from '../../../os/openat2.ts';

export interface Found {
  /** No directory, or what the whole path names. Open, as all descriptors of a result: whoever takes it closes it. */
  readonly file: number;
  /** The one that it was opened in. */
  readonly directory: number;
  /** The components that lead to it, without `.` and doubled slashes. */
  readonly names: readonly Buffer[];
  /** What follows it, with its slash. */
  readonly rest: Buffer;
}

export interface NotFound {
  readonly errno: number;
  /** As far as it came. */
  readonly directory: number;
}

/** By no link, and never above the start: else ELOOP or EXDEV. */
export const STRICT: number = RESOLVE.beneath | RESOLVE.noLinks;
/** As any program follows a path, but not by the links of /proc: else ELOOP. */
export const LOOSE: number = RESOLVE.noMagicLinks;

const SLASH = 0x2f;
const DOT = 0x2e;
const HERE: Buffer = Buffer.from('.');
const { ENOTDIR } = constants.errno;

/**
 * @param start an open directory; it stays open
 * @param path seen from there, from the byte `at` on
 * @param how STRICT or LOOSE
 */
export function walk(start: number, path: Buffer, at: number, how: number): Found | NotFound {
  let directory = openDirectory(start, HERE, how);
  if (directory < 0) return { errno: -directory, directory: -1 };
  const names: Buffer[] = [];
  for (let from = at; ; ) {
    const { name, end } = componentAt(path, from);
    if (name.length > 0) names.push(name);
    const inner = end < path.length ? openDirectory(directory, name, how) : -ENOTDIR;
    if (inner === -ENOTDIR) {
      const file = openReference(directory, name.length > 0 ? name : HERE, how);
      return file < 0 ? { errno: -file, directory } : { file, directory, names, rest: path.subarray(end) };
    }
    if (inner < 0) return { errno: -inner, directory };
    closeSync(directory);
    directory = inner;
    from = end;
  }
}

export function release(result: Found | NotFound): void {
  if (result.directory >= 0) closeSync(result.directory);
  if ('file' in result) closeSync(result.file);
}

/** The next component that means something; an empty one at the end of the path. */
function componentAt(path: Buffer, from: number): { readonly name: Buffer; readonly end: number } {
  let start = from;
  for (;;) {
    while (path[start] === SLASH) start++;
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end !== start + 1 || path[start] !== DOT) return { name: path.subarray(start, end), end };
    start = end;
  }
}
