/** Listening Unix sockets, closed to others until owner and mode are right. */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { HIDDEN_SUFFIX, probeUnixSocket } from './address.ts';
import { closing } from './descriptor.ts';
import type { FileUser } from './file-rights.ts';
import { declare, must, SystemError } from './libc.ts';
import { NetlinkRefused } from './netlink.ts';
import { fileOfSocket } from './sock-diag.ts';
import { AF_UNIX, unixAddress } from './sockaddr.ts';
import { touchSocket } from './socket-place.ts';

const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, void*, uint32_t)');
const listen = declare('int listen(int, int)');
const fchmod = declare('int fchmod(int, uint32_t)');
const fchownat = declare('int fchownat(int, const char*, uint32_t, uint32_t, int)');

const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
/** O_PATH: names the file, whatever it is, and opens nothing. */
const REFERENCE = 0o10000000 | constants.O_NOFOLLOW;
const AT_EMPTY_PATH = 0x1000;

export interface UnixListenerOptions {
  readonly path: string;
  readonly backlog: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whose pool it is (socket-place.ts); absent or null: a socket of our own. */
  readonly user?: FileUser | null;
}

/** Which file a socket path is, to tell later whether it is still the same one. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** A listening socket and its file. */
export interface BoundUnixListener {
  readonly descriptor: number;
  readonly file: FileIdentity;
}

/**
 * Listens on a Unix path. A stale socket is replaced in one step.
 * @throws {SystemError} EADDRINUSE when somebody listens there; EEXIST when the path is no socket
 */
export function listenUnix(options: UnixListenerOptions): BoundUnixListener {
  const { path, user = null } = options;
  touchSocket(path, user, () => refuseOccupied(path));
  const listener = listenHidden(options);
  try {
    touchSocket(path, user, () => renameSync(path + HIDDEN_SUFFIX, path));
    return listener;
  } catch (error) {
    closeSync(listener.descriptor);
    unlinkOwn(path + HIDDEN_SUFFIX, listener.file, user);
    throw error;
  }
}

/**
 * Listens under a temporary name beside the path, where a rename makes it public. The socket is bound with its final
 * mode and gets its owner before it listens: until then every connect is refused.
 * @throws {SystemError} when the kernel refuses
 */
export function listenHidden(options: UnixListenerOptions): BoundUnixListener {
  const { path, user = null, mode, backlog } = options;
  const temporary = path + HIDDEN_SUFFIX;
  const descriptor = must(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
  let file: FileIdentity | null = null;
  try {
    must(fchmod(descriptor, mode), 'fchmod');
    const reference = touchSocket(path, user, () => bindTo(descriptor, temporary));
    file = closing(reference, () => boundFile(descriptor, reference, options));
    must(listen(descriptor, backlog), 'listen', temporary);
    return { descriptor, file };
  } catch (error) {
    closeSync(descriptor);
    if (file !== null) unlinkOwn(temporary, file, user);
    throw error;
  }
}

/** @returns a reference to what has the name then, which somebody may have exchanged meanwhile */
function bindTo(descriptor: number, path: string): number {
  removeStale(path);
  const address = unixAddress(path);
  const umask = process.umask(0);
  try {
    must(bind(descriptor, address, address.length), 'bind', path);
  } finally {
    process.umask(umask);
  }
  try {
    return openSync(path, REFERENCE);
  } catch (error) {
    removeStale(path);
    throw error;
  }
}

/**
 * Gives the file that a socket was just bound to its owner.
 * @param reference to what is taken for that file. Another file is never changed
 */
function boundFile(descriptor: number, reference: number, options: UnixListenerOptions): FileIdentity {
  const { path, uid, gid } = options;
  const stat = fstatSync(reference);
  const bound = boundInode(descriptor);
  const isOther = bound !== null && bound !== stat.ino % 2 ** 32;
  if (!stat.isSocket() || stat.nlink !== 1 || isOther)
    throw new SystemError('bind', 17, `${path}, because its directory or its file was replaced meanwhile`); // EEXIST
  if (stat.uid !== uid || stat.gid !== gid)
    must(fchownat(reference, '', uid, gid, AT_EMPTY_PATH), 'chown', path);
  return { dev: stat.dev, ino: stat.ino };
}

/**
 * Which file a socket was bound to, its inode's low 32 bits. The kernel's device is not stat's on some file systems
 * (overlayfs, btrfs). @returns null: the kernel does not tell
 */
function boundInode(descriptor: number): number | null {
  try {
    return fileOfSocket(fstatSync(descriptor).ino)?.inode ?? null;
  } catch (error) {
    if (error instanceof NetlinkRefused) return null;
    throw error;
  }
}

/**
 * Gives a socket file that is in use another owner and mode; connections that exist are not concerned.
 * @throws {Error} when the file is gone, or another has taken its path: nobody can connect any more then
 */
export function setOwnerAndMode(
  name: string,
  file: FileIdentity,
  options: Omit<UnixListenerOptions, 'path' | 'backlog'>,
): void {
  const reference = touchSocket(name, options.user ?? null, () => {
    if (lstatSync(name, { throwIfNoEntry: false }) === undefined)
      throw new Error(lost(name, 'has been removed'));
    return openSync(name, REFERENCE);
  });
  closing(reference, () => {
    if (!isSame(fstatSync(reference), file)) throw new Error(lost(name, 'has been replaced'));
    must(fchownat(reference, '', options.uid, options.gid, AT_EMPTY_PATH), 'chown', name);
    chmodSync(`/proc/self/fd/${reference}`, options.mode);
  });
}

function lost(path: string, what: string): string {
  return `the socket ${path} ${what}, so nobody can connect: stop the pool and start it again to have it back`;
}

/** listen(2) on a socket that listens already changes the length of its queue. */
export function setBacklog(descriptor: number, backlog: number): void {
  must(listen(descriptor, backlog), 'listen');
}

/**
 * Sees to it that nobody's socket is replaced that is in use, and nothing that is no socket.
 * @throws {SystemError} EADDRINUSE, EEXIST; EACCES when we may not even look
 */
export function refuseOccupied(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new SystemError('bind', 17, `${path}, which is no socket`); // EEXIST
  const occupancy = probeUnixSocket(path);
  if (occupancy === 'other') throw new SystemError('bind', 17, `${path}, which is a socket of another type`);
  if (occupancy === 'denied') throw new SystemError('connect', 13, `${path}, to see whether it is in use`); // EACCES
  if (occupancy === 'listening') throw new SystemError('bind', 98, path); // EADDRINUSE
}

/** Removes a socket file that nobody listens on any more; what is no socket stays. */
export function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
}

/** Whether the path still is the socket file that we made. What cannot be looked at is not known to be. */
export function isOwnFile(path: string, file: FileIdentity): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat !== undefined && isSame(stat, file);
  } catch {
    return false; // whoever may exchange the directory can make a loop of links of it
  }
}

export function isSame(one: FileIdentity, two: FileIdentity): boolean {
  return one.dev === two.dev && one.ino === two.ino;
}

/**
 * Removes a socket file when it is still the one that we made. One that cannot be removed stays: nobody listens there.
 * @param user whose pool it is (socket-place.ts); null: a socket of our own
 */
export function unlinkOwn(path: string, file: FileIdentity, user: FileUser | null = null): void {
  try {
    touchSocket(path, user, () => {
      if (isOwnFile(path, file)) unlinkSync(path);
    });
  } catch {}
}
