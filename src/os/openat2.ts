/**
 * Paths that are followed under conditions (openat2(2), Linux 5.6), and descriptors that only name a file (O_PATH).
 * Nothing here throws for what a path turns out to be: a server is asked for many that are not there.
 */
import { closeSync, constants as files, openSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { declare, lastErrno, SystemError } from './libc.ts';

const openat2 = declare('long syscall(long, int, const void*, const void*, size_t)');
const faccessat2 = declare('long syscall(long, int, const void*, int, int)');

const OPENAT2 = 437;
const FACCESSAT2 = 439;
const AT_EACCESS = 0x200;
const AT_EMPTY_PATH = 0x1000;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
/** Longest path that the kernel takes, with the zero byte at its end. */
const PATH_MAX = 4096;
const HOW_BYTES = 24;

/** Stands for the directory that this process works in (AT_FDCWD). */
export const WORKING_DIRECTORY = -100;

/** How a path may be followed; the kernel's RESOLVE_*. */
export const RESOLVE = {
  /** Not by the links of /proc that jump to a file whatever its path. */
  noMagicLinks: 0x02,
  /** Not by links of any kind, wherever in the path. */
  noLinks: 0x04,
  /** Never above the directory where it begins. */
  beneath: 0x08,
} as const;

const how: Buffer = Buffer.alloc(HOW_BYTES);
const path: Buffer = Buffer.alloc(PATH_MAX);
const emptyPath: Buffer = Buffer.alloc(1);

/**
 * Opens what a path means as seen from a directory, as a mere reference (O_PATH: no read permission is needed, and no
 * fifo or device holds it up), close-on-exec.
 * @param name any bytes but NUL
 * @param resolve of RESOLVE, or-ed
 * @returns a descriptor, or the negative errno
 */
export function openReference(directory: number, name: Buffer, resolve: number): number {
  return open(directory, name, 0, resolve);
}

/** The same, but ENOTDIR for what is no directory. */
export function openDirectory(directory: number, name: Buffer, resolve: number): number {
  return open(directory, name, files.O_DIRECTORY, resolve);
}

/**
 * The same for callers that want errors. The links of /proc (noMagicLinks) lead around the permissions of directories;
 * before Linux 5.6 the conditions do not hold.
 * @throws {Error} with the system error's name as its code
 */
export function openAsReference(directory: number, name: string, resolve: number): number {
  const opened = openReference(directory, Buffer.from(name), resolve);
  if (opened >= 0) return opened;
  if (opened !== -constants.errno.ENOSYS) throw new SystemError('openat2', -opened, name);
  return openSync(directory === WORKING_DIRECTORY ? name : `/proc/self/fd/${directory}/${name}`, O_PATH);
}

/** Whether the rights in effect allow it: permissions, access lists, how the file system is mounted. Unknown is yes. */
export function mayReach(name: string, mode: number): boolean {
  if (faccessat2(FACCESSAT2, WORKING_DIRECTORY, Buffer.from(`${name}\0`), mode, AT_EACCESS) === 0)
    return true;
  return [constants.errno.ENOSYS, constants.errno.EPERM].includes(lastErrno());
}

function open(directory: number, name: Buffer, flags: number, resolve: number): number {
  if (name.length >= PATH_MAX) return -constants.errno.ENAMETOOLONG;
  if (name.includes(0)) return -constants.errno.ENOENT; // no file can have such a name
  name.copy(path);
  path[name.length] = 0;
  how.writeUInt32LE(O_PATH | O_CLOEXEC | flags, 0);
  how.writeUInt32LE(resolve, 16);
  const descriptor = openat2(OPENAT2, directory, path, how, HOW_BYTES);
  return descriptor < 0 ? -lastErrno() : descriptor;
}

/**
 * Whether this process may read or execute what a descriptor names. The kernel is asked, because permission bits tell
 * nothing of ACLs nor of a file system that is mounted noexec.
 * @param mode R_OK or X_OK of access(2)
 */
export function mayAccess(descriptor: number, mode: number): boolean {
  return faccessat2(FACCESSAT2, descriptor, emptyPath, mode, AT_EMPTY_PATH) === 0;
}

/** The path of what a descriptor names, as it is now; of what was removed or cannot be seen from here, no such path. */
export function pathOf(descriptor: number): Buffer {
  return readlinkSync(`/proc/self/fd/${descriptor}`, 'buffer');
}

/** Why these calls cannot be used here, as an errno (ENOSYS before Linux 5.8, EPERM in old containers); null: they can. */
export function openat2Obstacle(): number | null {
  const descriptor = openDirectory(WORKING_DIRECTORY, Buffer.from('/'), RESOLVE.noMagicLinks);
  if (descriptor < 0) return -descriptor;
  const isAllowed = mayAccess(descriptor, files.F_OK);
  const errno = lastErrno();
  closeSync(descriptor);
  return isAllowed ? null : errno;
}
