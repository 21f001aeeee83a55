/**
 * Opens the file of a log, for root above all: whoever may write one of the directories on the way could put a link
 * there, and have our lines, or a file of ours, elsewhere. So from the first such directory on no link is followed, by
 * descriptors of directories that are opened once; and what is opened is written only when it can be nothing else.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { closing } from './descriptor.ts';
import { exchangersOf } from './exchange.ts';
import { SystemError } from './libc.ts';
import { READ_FLAGS } from './regular-file.ts';

const O_PATH = 0o10000000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const LOG = WRITE | constants.O_APPEND | constants.O_CREAT;
const MODE = 0o640;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;

/** They lead to what we have open already, wherever that is. */
const OWN_DESCRIPTOR = /^\/dev\/(stdout|stderr|fd\/\d+)$/;

/** A log that is not opened, because another user than root and us has a hand in where it is. */
export class InsecureLog extends Error {
  readonly code = 'ELOOP';
  readonly what: string;
  readonly remedy: string;

  constructor(what: string, remedy: string) {
    super(`${what}. ${remedy}`);
    this.what = what;
    this.remedy = remedy;
  }
}

/**
 * @param path absolute. A file that is missing is made with mode 0640 less the umask
 * @throws {InsecureLog}; the error of open(2)
 */
export function openLogFile(path: string): number {
  return openLog(path, LOG);
}

/**
 * The same for a reader: another user could otherwise have root show a file of his choice, or wait for a pipe.
 * @throws {InsecureLog}; the error of open(2)
 */
export function openLogForReading(path: string): number {
  return openLog(path, READ_FLAGS);
}

function openLog(path: string, flags: number): number {
  if (followsLinks(path)) return openSync(path, flags, MODE);
  const { directory, name } = openDirectoryOf(path);
  return closing(directory, () => {
    const descriptor = open(`/proc/self/fd/${directory}/${name}`, flags | constants.O_NOFOLLOW, path);
    try {
      refuse(path, fstatSync(descriptor), fstatSync(directory));
      return descriptor;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  });
}

/** Whether the links on the way to a log are followed: only root and we could have made them. */
export function followsLinks(path: string): boolean {
  return OWN_DESCRIPTOR.test(path) || isOurs(path);
}

/** Whether a log that cannot be opened is the matter of whoever may write there, and not of the administrator. */
export function isOurs(path: string): boolean {
  const exchangers = exchangersOf(path);
  return exchangers === 'nobody' || (exchangers !== 'several' && exchangers.uid === process.geteuid?.());
}

/**
 * Follows links as far as only root and we could have made them.
 * @returns a descriptor, and the name of the log there
 * @throws {InsecureLog}; {SystemError}
 */
export function openDirectoryOf(path: string): { readonly directory: number; readonly name: string } {
  const names = [basename(path)];
  let base = dirname(path);
  for (; !isOurs(base); base = dirname(base)) names.unshift(basename(base));
  let directory = open(base, O_PATH | constants.O_DIRECTORY, base);
  for (const name of names.slice(0, -1)) {
    base = `${base}/${name}`;
    const above = directory;
    directory = closing(above, () => open(`/proc/self/fd/${above}/${name}`, DIRECTORY, base));
  }
  return { directory, name: names.at(-1) ?? '' };
}

function open(path: string, flags: number, meant: string): number {
  try {
    return openSync(path, flags, MODE);
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP' || (code === 'ENOTDIR' && (flags & constants.O_NOFOLLOW) !== 0))
      throw insecure(meant, code === 'ELOOP' ? 'a symbolic link' : 'a symbolic link or no directory');
    if (code === 'ENXIO') throw insecure(meant, 'no regular file');
    throw new SystemError('open', -errno, meant);
  }
}

/** @throws {InsecureLog} where it is not a file that can be no other log than this one */
export function refuse(path: string, file: Stats, directory: Stats): void {
  if (file.isSymbolicLink()) throw insecure(path, 'a symbolic link');
  if (!file.isFile()) throw insecure(path, 'no regular file');
  if (file.nlink > 1) throw insecure(path, 'a hard link to another file');
  // In /tmp and the like nobody can replace a file of ours, but anybody can be the first to make one.
  const isShared = (directory.mode & STICKY) !== 0 && (directory.mode & OTHERS_WRITE) !== 0;
  if (isShared && ![0, directory.uid, process.geteuid?.()].includes(file.uid))
    throw insecure(path, `a file of uid ${file.uid}`);
}

function insecure(path: string, what: string): InsecureLog {
  return new InsecureLog(
    `${path} is ${what}, and another user than root may have put it there: nothing is written to it`,
    'Remove it, or set log.file to a path in a directory where only root may write',
  );
}
