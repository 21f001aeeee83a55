/** POSIX access lists (acl(5)) of files, read from the extended attribute that the kernel keeps them in. */
import { constants } from 'node:os';
import { declare, lastErrno, SystemError } from './libc.ts';

const getxattr = declare('long getxattr(const char *, const char *, _Out_ void *, size_t)');
/** linux/posix_acl_xattr.h: a version, then entries of tag, permissions (u16) and id (u32), little endian. */
const ATTRIBUTE = 'system.posix_acl_access';
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const LARGEST_BYTES = 65_536;
const { ENODATA, ENOENT, EOPNOTSUPP, ENOSYS } = constants.errno;

/** One entry; `id` counts for `user` and `group` only. `permissions` are the bits of rwx, 4, 2 and 1. */
export interface AclEntry {
  readonly tag: 'owner' | 'user' | 'owning-group' | 'group' | 'mask' | 'other';
  readonly permissions: number;
  readonly id: number;
}

const TAGS: ReadonlyMap<number, AclEntry['tag']> = new Map([
  [0x01, 'owner'],
  [0x02, 'user'],
  [0x04, 'owning-group'],
  [0x08, 'group'],
  [0x10, 'mask'],
  [0x20, 'other'],
]);

/** Read at once: a check of hundreds of pools asks thousands of times. */
const room: Buffer = Buffer.allocUnsafeSlow(LARGEST_BYTES);

/**
 * The access list of a file; null when it has none beyond its mode, or its file system knows none.
 * @throws {SystemError}
 */
export function readAcl(path: string): AclEntry[] | null {
  const length = getxattr(path, ATTRIBUTE, room, room.length);
  if (length < 0) {
    const errno = lastErrno();
    if ([ENODATA, ENOENT, EOPNOTSUPP, ENOSYS].includes(errno)) return null;
    throw new SystemError('getxattr', errno, path);
  }
  return length === 0 ? null : parseAcl(room.subarray(0, length));
}

/** @throws {RangeError} when the bytes are no access list that this version of Linux writes */
export function parseAcl(bytes: Buffer): AclEntry[] {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== VERSION)
    throw new RangeError('unknown access list');
  const entries: AclEntry[] = [];
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const tag = TAGS.get(bytes.readUInt16LE(at));
    if (tag === undefined) throw new RangeError('unknown entry in an access list');
    entries.push({ tag, permissions: bytes.readUInt16LE(at + 2), id: bytes.readUInt32LE(at + 4) });
  }
  return entries;
}
