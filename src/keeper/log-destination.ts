/**
 * Where a log goes: our stderr, or a file. Whatever it is, a write to it must not stop us and must not change
 * it for others: O_NONBLOCK belongs to the open file description, which whoever started us holds as well.
 *
 * - A pipe or terminal is opened anew through /proc/self/fd, which makes a description of our own.
 * - A socket (systemd's journal) cannot be opened anew; there each single send(2) is told not to wait.
 * - A file keeps its description: its offset is shared with whoever else writes, and a disk does not block.
 *
 * Only a pipe of another user's that we may not open (started through su, without privilege) is left: its
 * writes wait in a thread of Node's pool, which costs that thread as long as nobody reads.
 */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync, write } from 'node:fs';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { declare, lastErrno, SystemError } from '../os/libc.ts';

const send = declare('long send(int, void*, size_t, int)');
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const STDERR = 2;
const OWN_OPEN = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** `error.code` is the errno's name; EAGAIN where the destination cannot take anything now. */
export type WriteDone = (error: { readonly code?: string | undefined } | null, byteCount: number) => void;

export interface LogDestination {
  readonly isTerminal: boolean;
  /** Device and inode: two destinations with the same are one file. */
  readonly identity: string;
  /** Writes some or all of the bytes. The callback comes later, never within the call. */
  write(bytes: Buffer, done: WriteDone): void;
  close(): void;
}

/**
 * Opens `stderr`, or the file of that absolute path (made with mode 0640 less the umask, always appended to).
 * @throws the error of open(2); ELOOP for a symbolic link that somebody else may have put there
 */
export function openDestination(file: string): LogDestination {
  if (file !== 'stderr') return destination(openFile(file), true);
  const found = fstatSync(STDERR);
  if (found.isFIFO() || found.isCharacterDevice()) {
    try {
      return destination(openSync('/proc/self/fd/2', OWN_OPEN), true);
    } catch {
      return destination(STDERR, false); // not ours to open, or a pipe without a reader
    }
  }
  return destination(STDERR, false);
}

function destination(fd: number, isOwn: boolean): LogDestination {
  const found: Stats = fstatSync(fd);
  return {
    isTerminal: isatty(fd),
    identity: `${found.dev}:${found.ino}`,
    write: found.isSocket() ? sendTo(fd) : (bytes, done) => write(fd, bytes, done),
    close: () => {
      if (isOwn) closeSync(fd);
    },
  };
}

function sendTo(socket: number): LogDestination['write'] {
  return (bytes, done) => {
    const byteCount = send(socket, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    const error = byteCount < 0 ? new SystemError('send', lastErrno()) : null;
    setImmediate(done, error, byteCount);
  };
}

function openFile(path: string): number {
  const flags = OWN_OPEN | constants.O_APPEND | constants.O_CREAT;
  try {
    return openSync(path, flags | constants.O_NOFOLLOW, 0o640);
  } catch (error) {
    // A link in a directory where only root and we can write is the administrator's: /dev/stdout, for one.
    if (!isElsewhere(error) || !isOnlyOurs(dirname(path))) throw error;
    return openSync(path, flags, 0o640);
  }
}

function isElsewhere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ELOOP';
}

function isOnlyOurs(directory: string): boolean {
  const { uid, mode } = statSync(directory);
  return (uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0;
}
