/** Addresses before we listen on them: whose they are, whether two of them collide, who holds one. */
import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { closing } from './descriptor.ts';
import { isKeeper } from './keepers.ts';
import { declare, must, SystemError } from './libc.ts';
import { allPids, descriptorOf, read } from './proc.ts';
import { socketFile, unixListeners } from './sock-diag.ts';
import { AF_INET6, inetAddress, parseIPv4, parseIPv6, unixAddress } from './sockaddr.ts';

const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, const void *, uint32_t)');
const connect = declare('int connect(int, const void *, uint32_t)');
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOCK_NONBLOCK = 0o4000;
/** O_PATH: names the file, whatever it is, and opens nothing. */
const REFERENCE = 0o10000000 | constants.O_NOFOLLOW;

/** Added to a socket's path while it is not yet ready for the public: it is bound there and renamed. */
export const HIDDEN_SUFFIX = '.new';

/** Added to a socket's path while it takes no new connections, so that it can be had back. */
export const REFUSING_SUFFIX = '.old';

/** Added to a socket's path for a second name of the same file, by which it can be had back (keeper/kept-name.ts). */
export const KEPT_SUFFIX = '.kept';

/** The room that a path must leave for those, in bytes: more than they take now, so that they may grow a number. */
export const TEMPORARY_SUFFIX_BYTES = 12;

/** What a TCP listener takes up; the fields that sock_diag gives of one. */
export interface Endpoint {
  readonly family: 4 | 6;
  /** In network order: 4 or 16 bytes. */
  readonly address: Buffer;
  readonly port: number;
  /** null: not known, and then taken for false, which collides with more. */
  readonly v6Only: boolean | null;
}

/** @param host an IP address without brackets */
export function endpoint(host: string, port: number, family: 4 | 6, dualStack: boolean): Endpoint {
  return { family, address: family === 6 ? parseIPv6(host) : parseIPv4(host), port, v6Only: !dualStack };
}

/** Whether the kernel would refuse one beside the other without SO_REUSEPORT (inet_rcv_saddr_equal in net/ipv4). */
export function collide(one: Endpoint, two: Endpoint): boolean {
  const [a, b] = [unmapped(one), unmapped(two)];
  if (a.port !== b.port) return false;
  if (a.family === b.family) return a.address.equals(b.address) || isUnspecified(a) || isUnspecified(b);
  const v6 = a.family === 6 ? a : b;
  return isUnspecified(v6) && v6.v6Only !== true;
}

/** Whether two listeners would share the address as a group of SO_REUSEPORT (inet_reuseport_add_sock in net/ipv4). */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.family === b.family && a.port === b.port && a.address.equals(b.address) && a.v6Only === b.v6Only;
}

/** A listener on ::ffff:a.b.c.d takes IPv4 only: it is one on a.b.c.d. */
function unmapped(of: Endpoint): Endpoint {
  const v4 = mappedIPv4(of);
  return v4 === null ? of : { ...of, family: 4, address: v4 };
}

/** The IPv4 address inside an IPv6 one, ::ffff:a.b.c.d; null in any other. */
export function mappedIPv4({ address }: Endpoint): Buffer | null {
  return address.length === 16 && address.subarray(0, 12).equals(MAPPED_PREFIX) ? address.subarray(12) : null;
}

const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** 0.0.0.0 or ::, all addresses. */
export function isUnspecified({ address }: Endpoint): boolean {
  return address.every(byte => byte === 0);
}

/** An endpoint as people write it. */
export function formatEndpoint({ family, address, port }: Endpoint): string {
  if (family === 4) return `${[...address].join('.')}:${port}`;
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2).toString(16));
  return `${new URL(`http://[${groups.join(':')}]/`).hostname}:${port}`;
}

/**
 * Whether listeners of this machine may have the address. The kernel is asked (a bind to any port, at once
 * closed), because what is local is more than what the interfaces show: 127.0.0.0/8, local routes, nonlocal_bind.
 * @throws {SystemError} EAFNOSUPPORT when there is no IPv6
 */
export function isOwnAddress(host: string): boolean {
  const { family, bytes } = inetAddress(host, 0);
  const descriptor = must(
    socket(family, SOCK_STREAM_CLOEXEC, 0),
    'socket',
    family === AF_INET6 ? 'IPv6' : 'IPv4',
  );
  try {
    must(bind(descriptor, bytes, bytes.length), 'bind', host);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EADDRNOTAVAIL') return false;
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** What a connect to a socket file says about it. */
export type Occupancy = 'listening' | 'stale' | 'denied' | 'missing' | 'other';

/**
 * Asks the kernel's table who listens on a socket file, and when it names nobody the file itself with a connect.
 * Not before, because a program may not survive a client that is gone at once.
 * A full queue counts as listening; `denied` means that neither says anything, so somebody may well listen; `other`
 * is a socket of another type, such as /dev/log.
 */
export function probeUnixSocket(path: string): Occupancy {
  const inTable = tableSays(path);
  if (inTable === 'listening') return inTable;
  const occupancy = connectSays(path);
  return occupancy === 'denied' ? inTable : occupancy;
}

/** By reference: a link that somebody puts there would lead to a socket that is none of our business. */
function connectSays(path: string): Occupancy {
  try {
    return closing(openSync(path, REFERENCE), reference =>
      closing(must(socket(AF_UNIX, SOCK_STREAM_CLOEXEC | SOCK_NONBLOCK, 0), 'socket'), descriptor => {
        const address = unixAddress(`/proc/self/fd/${reference}`);
        must(connect(descriptor, address, address.length), 'connect', path);
        return 'listening';
      }),
    );
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (SHORTAGES.has(code)) throw error;
    return OCCUPANCY_OF[code] ?? 'stale';
  }
}

/** They say nothing about the socket. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

const OCCUPANCY_OF: Readonly<Record<string, Occupancy>> = {
  EAGAIN: 'listening',
  EACCES: 'denied',
  EPERM: 'denied',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EPROTOTYPE: 'other',
};

function tableSays(path: string): Occupancy {
  try {
    return listenerInode(path) === null ? 'stale' : 'listening';
  } catch {
    return 'denied'; // no netlink here, or the file has just gone
  }
}

/**
 * The inode of the socket that listens on a socket file; null: none does.
 * @throws {NetlinkRefused}
 */
export function listenerInode(path: string): number | null {
  const { device, inode } = socketFile(lstatSync(path, { bigint: true }));
  const row = unixListeners().find(({ file }) => file?.device === device && file.inode === inode);
  return row?.inode ?? null;
}

/** A process that holds a socket. */
export interface Holder {
  readonly pid: number;
  /** The kernel's name of the program, at most 15 characters. */
  readonly program: string;
}

/**
 * Who has the socket open: a keeper of fpm-ts where one has it, because its workers are not to be ended in its place;
 * else the lowest pid, which is who opened it rather than a child of theirs.
 * @returns null when nobody is seen, which as an ordinary user, or root without CAP_SYS_PTRACE, is the rule
 */
export function holderOf(socketInode: number): Holder | null {
  const wanted = `socket:[${socketInode}]`;
  const holders = allPids()
    .filter(it => descriptorOf(it, wanted) !== null)
    .sort((a, b) => a - b);
  const pid = holders.find(it => isKeeper(it)) ?? holders[0];
  return pid === undefined ? null : { pid, program: (read(`/proc/${pid}/comm`) ?? '?').trimEnd() };
}
