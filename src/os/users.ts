/**
 * Users and groups through the C library, so that whatever NSS knows (files, LDAP, sssd) is found, and numbers
 * are as good as names.
 */
import { constants } from 'node:os';
import koffi from 'koffi';
import { declare, SystemError } from './libc.ts';
import { Recent } from './recent.ts';

// The layout of passwd(5) and group(5) entries is the same in glibc and musl; koffi finds them by name below.
koffi.struct('fpm_passwd', {
  name: 'str',
  password: 'str',
  uid: 'uint32',
  gid: 'uint32',
  gecos: 'str',
  home: 'str',
  shell: 'str',
});
koffi.struct('fpm_group', { name: 'str', password: 'str', gid: 'uint32', members: 'void *' });

const ENTRY = '_Out_ void *buffer, size_t size, _Out_ void **found';
const getpwnam = declare(`int getpwnam_r(const char *name, _Out_ fpm_passwd *entry, ${ENTRY})`);
const getpwuid = declare(`int getpwuid_r(uint32 uid, _Out_ fpm_passwd *entry, ${ENTRY})`);
const getgrnam = declare(`int getgrnam_r(const char *name, _Out_ fpm_group *entry, ${ENTRY})`);
const getgrgid = declare(`int getgrgid_r(uint32 gid, _Out_ fpm_group *entry, ${ENTRY})`);
const getgrouplist = declare(
  'int getgrouplist(const char *user, uint32 gid, _Out_ uint32 *list, _Inout_ int *count)',
);

/** A passwd entry; of a bare number without an entry only the uid is known, and the rest is null. */
export interface User {
  readonly uid: number;
  readonly name: string | null;
  /** The primary group. */
  readonly gid: number | null;
  readonly home: string | null;
}

/** A group entry; `name` is null for a bare number without an entry. */
export interface Group {
  readonly gid: number;
  readonly name: string | null;
}

/** Largest id that means somebody: (uid_t)-1 means "leave as it is" in chown(2) and setresuid(2). */
const LARGEST_ID = 0xffff_fffe;
const { EINTR, ENOENT, EPERM, ERANGE, ESRCH, EBADF } = constants.errno;
/** What getpwnam(3) lists as "not found", beside 0 without an entry. */
const NOT_FOUND: ReadonlySet<number> = new Set([0, ENOENT, ESRCH, EBADF, EPERM]);
const LARGEST_ENTRY_BYTES = 16 * 1024 * 1024;

/**
 * Finds a user by name or number. As in chown(1), a name made of digits goes before the number.
 * @returns null when there is no such name; a number is always somebody
 * @throws {SystemError} when the user database cannot be asked
 */
export function lookupUser(nameOrUid: string): User | null {
  return users.of(nameOrUid, () => askForUser(nameOrUid));
}

/** Each answer may come from a server. */
const users = new Recent<User>();
const groupLists = new Recent<number[]>();

function askForUser(nameOrUid: string): User | null {
  const named = find<User>((...into) => getpwnam(nameOrUid, ...into), 'getpwnam_r', nameOrUid);
  if (named !== null) return withoutMore(named);
  const uid = idFrom(nameOrUid);
  if (uid === null) return null;
  const numbered = find<User>((...into) => getpwuid(uid, ...into), 'getpwuid_r', nameOrUid);
  return numbered === null ? { uid, name: null, gid: null, home: null } : withoutMore(numbered);
}

/**
 * Finds a group by name or number, by the same rules as lookupUser.
 * @throws {SystemError} when the group database cannot be asked
 */
export function lookupGroup(nameOrGid: string): Group | null {
  const named = find<Group>((...into) => getgrnam(nameOrGid, ...into), 'getgrnam_r', nameOrGid);
  if (named !== null) return { gid: named.gid, name: named.name };
  const gid = idFrom(nameOrGid);
  if (gid === null) return null;
  const numbered = find<Group>((...into) => getgrgid(gid, ...into), 'getgrgid_r', nameOrGid);
  return { gid, name: numbered?.name ?? null };
}

/**
 * The groups that initgroups(3) would give this user with this primary group, `gid` among them. A user without
 * an entry belongs to none.
 */
export function supplementaryGroups(user: User, gid: number): number[] {
  const { name } = user;
  return name === null ? [] : (groupLists.of(`${gid} ${name}`, () => groupList(name, gid)) ?? []);
}

function groupList(name: string, gid: number): number[] {
  for (let room = 64; ; ) {
    const list = new Uint32Array(room);
    const count: [number] = [room];
    if (getgrouplist(name, gid, list, count) >= 0) return [...list.subarray(0, count[0])];
    // glibc says how many there are, musl too; an NSS module that does not must not make this endless.
    room = Math.max(count[0], room * 2);
    if (room > 1 << 20) throw new SystemError('getgrouplist', ERANGE, name);
  }
}

/** Keeps the password hash and the rest of the entry out of what callers may print. */
function withoutMore({ uid, name, gid, home }: User): User {
  return { uid, name, gid, home };
}

function idFrom(text: string): number | null {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= LARGEST_ID ? id : null;
}

/** One of the four calls, with a buffer that grows until the entry fits (a group may list thousands of members). */
function find<T>(
  call: (entry: object, buffer: Buffer, size: number, found: unknown[]) => number,
  name: string,
  subject: string,
): T | null {
  for (let size = 4096; size <= LARGEST_ENTRY_BYTES; size *= 2) {
    const entry = {};
    const found: unknown[] = [null];
    let errno = call(entry, Buffer.alloc(size), size, found);
    while (errno === EINTR) errno = call(entry, Buffer.alloc(size), size, found);
    if (errno === ERANGE) continue;
    if (found[0] !== null) return entry as T;
    if (NOT_FOUND.has(errno)) return null;
    throw new SystemError(name, errno, subject);
  }
  throw new SystemError(name, ERANGE, subject);
}
