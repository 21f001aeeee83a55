/** Listening sockets, made as DESIGN section 8 asks: closed to others until owner and mode are right. */
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
import { probeUnixSocket, TEMPORARY_SUFFIX } from './address.ts';
import { clientFilter, encodeFilter } from './client-filter.ts';
import { addressOf, declare, must, SystemError } from './libc.ts';
import { AF_INET6, AF_UNIX, inetAddress, unixAddress } from './sockaddr.ts';

const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, void*, uint32_t)');
const listen = declare('int listen(int, int)');
const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');
const fchmod = declare('int fchmod(int, uint32_t)');
const fchownat = declare('int fchownat(int, const char*, uint32_t, uint32_t, int)');

const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
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

/**
 * Listens on a Unix path. The socket is bound under a temporary name with its final mode, gets its owner before
 * it listens (until then every connect is refused), and is renamed over the path: a stale socket is replaced in
 * one step.
 * @throws {SystemError} EADDRINUSE when somebody listens there; EEXIST when the path is no socket
 */
export function listenUnix(options: UnixListenerOptions): {
  readonly descriptor: number;
  readonly file: FileIdentity;
} {
  refuseOccupied(options.path);
  const temporary = options.path + TEMPORARY_SUFFIX;
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
    renameSync(temporary, options.path);
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

function refuseOccupied(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new SystemError('bind', 17, `${path}, which is no socket`); // EEXIST
  const occupancy = probeUnixSocket(path);
  if (occupancy === 'other') throw new SystemError('bind', 17, `${path}, which is a socket of another type`);
  if (occupancy === 'denied') throw new SystemError('connect', 13, `${path}, to see whether it is in use`); // EACCES
  if (occupancy === 'listening') throw new SystemError('bind', 98, path); // EADDRINUSE
}

function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
}

/** Removes a socket file when it is still the one that we made. */
export function unlinkOwn(path: string, file: FileIdentity): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && stat.dev === file.dev && stat.ino === file.ino) unlinkSync(path);
}

export interface TcpListenerOptions {
  /** An IPv4 or IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** An IPv6 address that takes IPv4 as well. */
  readonly dualStack: boolean;
  readonly backlog: number;
  readonly allowedClients: readonly string[];
}

/** @throws {SystemError} EADDRINUSE, EADDRNOTAVAIL, EACCES */
export function listenTcp(options: TcpListenerOptions): number {
  const { family, bytes } = inetAddress(options.host, options.port);
  const subject =
    family === AF_INET6 ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`;
  const descriptor = must(socket(family, SOCK_STREAM_CLOEXEC, 0), 'socket');
  try {
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, options.dualStack ? 0 : 1);
    if (options.allowedClients.length > 0) setAllowedClients(descriptor, options.allowedClients);
    must(bind(descriptor, bytes, bytes.length), 'bind', subject);
    must(listen(descriptor, options.backlog), 'listen', subject);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Lets only these networks connect to a TCP listener; none named: all.
 * @throws {SystemError} EPERM where the kernel lets only root attach a filter (some hardened ones)
 */
export function setAllowedClients(descriptor: number, networks: readonly string[]): void {
  if (networks.length === 0) {
    // Everybody may detach one. ENOENT: none was attached.
    setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, Buffer.alloc(4), 4);
    return;
  }
  const program = encodeFilter(clientFilter(networks));
  const header = Buffer.alloc(16); // struct sock_fprog: length, pointer
  header.writeUInt16LE(program.length / 8, 0);
  header.writeBigUInt64LE(addressOf(program), 8);
  must(
    setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, header, header.length),
    'setsockopt SO_ATTACH_FILTER',
  );
}

function setOption(descriptor: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  must(setsockopt(descriptor, level, option, bytes, 4), 'setsockopt');
}
