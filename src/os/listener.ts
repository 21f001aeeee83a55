/** Listening Unix sockets, made as DESIGN section 8 asks: closed to others until owner and mode are right. */
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
import { declare, must, SystemError } from './libc.ts';
import { AF_UNIX, unixAddress } from './sockaddr.ts';

const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, void*, uint32_t)');
const listen = declare('int listen(int, int)');
const fchmod = declare('int fchmod(int, uint32_t)');
const fchownat = declare('int fchownat(int, const char*, uint32_t, uint32_t, int)');

const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const O_PATH = 0o10000000;
const AT_EMPTY_PATH = 0x1000;

export interface UnixListenerOptions {
  readonly path: string;
  readonly backlog: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
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
  refuseOccupied(options.path);
  const listener = listenHidden(options);
  try {
    renameSync(options.path + HIDDEN_SUFFIX, options.path);
    return listener;
  } catch (error) {
    closeSync(listener.descriptor);
    removeStale(options.path + HIDDEN_SUFFIX);
    throw error;
  }
}

/**
 * Listens under a temporary name beside the path, where a rename makes it public. The socket is bound with its final
 * mode and gets its owner before it listens: until then every connect is refused.
 * @throws {SystemError} when the kernel refuses
 */
export function listenHidden(options: UnixListenerOptions): BoundUnixListener {
  const temporary = options.path + HIDDEN_SUFFIX;
  removeStale(temporary);
  const descriptor = must(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
  let bound = false;
  try {
    must(fchmod(descriptor, options.mode), 'fchmod');
    const address = unixAddress(temporary);
    const umask = process.umask(0);
    try {
      must(bind(descriptor, address, address.length), 'bind', temporary);
      bound = true;
    } finally {
      process.umask(umask);
    }
    const file = setOwner(temporary, options.uid, options.gid);
    must(listen(descriptor, options.backlog), 'listen', temporary);
    return { descriptor, file };
  } catch (error) {
    closeSync(descriptor);
    if (bound) removeStale(temporary);
    throw error;
  }
}

/**
 * Gives a socket file that is in use another owner and mode; connections that exist are not concerned.
 * @throws {Error} when the file is gone, or another has taken its path: nobody can connect any more then
 */
export function setOwnerAndMode(
  path: string,
  file: FileIdentity,
  options: Omit<UnixListenerOptions, 'path' | 'backlog'>,
): void {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now === undefined) throw new Error(lost(path, 'has been removed'));
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(descriptor);
    if (stat.dev !== file.dev || stat.ino !== file.ino) throw new Error(lost(path, 'has been replaced'));
    must(fchownat(descriptor, '', options.uid, options.gid, AT_EMPTY_PATH), 'chown', path);
    chmodSync(`/proc/self/fd/${descriptor}`, options.mode);
  } finally {
    closeSync(descriptor);
  }
}

function lost(path: string, what: string): string {
  return `the socket ${path} ${what}, so nobody can connect: stop the pool and start it again to have it back`;
}

/** listen(2) on a socket that listens already changes the length of its queue. */
export function setBacklog(descriptor: number, backlog: number): void {
  must(listen(descriptor, backlog), 'listen');
}

/** Through a descriptor of the file itself: another name that somebody puts in its place is never changed. */
function setOwner(path: string, uid: number, gid: number): FileIdentity {
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isSocket() || stat.nlink !== 1) throw new SystemError('bind', 17, path);
    if (stat.uid !== uid || stat.gid !== gid)
      must(fchownat(descriptor, '', uid, gid, AT_EMPTY_PATH), 'chown', path);
    return { dev: stat.dev, ino: stat.ino };
  } finally {
    closeSync(descriptor);
  }
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

/** Whether the path still is the socket file that we made. */
export function isOwnFile(path: string, file: FileIdentity): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev === file.dev && stat.ino === file.ino;
}

/** Removes a socket file when it is still the one that we made. */
export function unlinkOwn(path: string, file: FileIdentity): void {
  if (isOwnFile(path, file)) unlinkSync(path);
}
