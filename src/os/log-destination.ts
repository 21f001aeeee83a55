/**
 * Where a log goes: our stderr, or a file. Whatever it is, a write to it must not stop us and must not change
 * it for others: O_NONBLOCK belongs to the open file description, which whoever started us holds as well.
 *
 * - A pipe or terminal is opened anew through /proc/self/fd, which makes a description of our own.
 * - A socket (systemd's journal) cannot be opened anew; there each single send(2) is told not to wait.
 * - One that belongs to somebody else (started through su) may not be opened anew: poll(2) is asked first.
 *   A pipe that is said to be writable takes PIPE_BUF bytes at once, unless another writer is just quicker.
 * - A file is written as it is: its offset is shared with whoever else writes, and the page cache takes it.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { isatty } from 'node:tty';
import { declare, must, SystemError } from './libc.ts';
import { openLogFile } from './log-file.ts';

const send = declare('long send(int, void*, size_t, int)');
const poll = declare('int poll(void*, unsigned long, int)');
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLOUT = 4;
const POLLFD_BYTES = 8;
const PIPE_BUF_BYTES = 4096;
const STDERR = 2;
const OWN_OPEN = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface LogDestination {
  readonly isTerminal: boolean;
  /** Device and inode: two destinations with the same are one file. */
  readonly identity: string;
  /**
   * Writes some or all of the bytes, without waiting. @returns how many
   * @throws an error whose `code` is the errno's name: EAGAIN where nothing can be taken now
   */
  write(bytes: Buffer): number;
  close(): void;
}

/**
 * Opens `stderr`, or the file of that absolute path (log-file.ts), which is always appended to.
 * @throws {InsecureLog}; the error of open(2)
 */
export function openDestination(file: string): LogDestination {
  if (file !== 'stderr') return destination(openLogFile(file), true, writeNow);
  const found = fstatSync(STDERR);
  if (found.isSocket()) return destination(STDERR, false, sendNow);
  if (!found.isFIFO() && !found.isCharacterDevice()) return destination(STDERR, false, writeNow);
  try {
    return destination(openSync('/proc/self/fd/2', OWN_OPEN), true, writeNow);
  } catch {
    return destination(STDERR, false, writeWhenReady); // not ours to open, or a pipe without a reader
  }
}

type Write = (fd: number, bytes: Buffer) => number;

function destination(fd: number, isOwn: boolean, write: Write): LogDestination {
  const { dev, ino } = fstatSync(fd);
  return {
    isTerminal: isatty(fd),
    identity: `${dev}:${ino}`,
    write: bytes => write(fd, bytes),
    close: () => {
      if (isOwn) closeSync(fd);
    },
  };
}

function writeNow(fd: number, bytes: Buffer): number {
  return writeSync(fd, bytes);
}

function sendNow(socket: number, bytes: Buffer): number {
  return must(send(socket, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL), 'send');
}

function writeWhenReady(fd: number, bytes: Buffer): number {
  const pollfd = Buffer.alloc(POLLFD_BYTES);
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt16LE(POLLOUT, 4);
  if (must(poll(pollfd, 1, 0), 'poll') === 0) throw new SystemError('write', system.errno.EAGAIN);
  return writeSync(fd, bytes, 0, Math.min(bytes.length, PIPE_BUF_BYTES));
}
