/**
 * The kernel's tables of sockets (sock_diag(7), DESIGN D2): who listens where and how full the queues are. Rows
 * of this network namespace only.
 */
import { attributes, netlinkDump } from './netlink.ts';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_LISTEN = 10;
const UDIAG_SHOW_NAME = 0x01;
const UDIAG_SHOW_VFS = 0x02;
const UDIAG_SHOW_RQLEN = 0x10;
const UNIX_DIAG_NAME = 0;
const UNIX_DIAG_VFS = 1;
const UNIX_DIAG_RQLEN = 4;
const INET_DIAG_SKV6ONLY = 11;
const UNIX_FIXED_BYTES = 16;
const INET_FIXED_BYTES = 72;

/** A listening TCP socket. */
export interface TcpListener {
  readonly family: 4 | 6;
  /** The address in network order: 4 or 16 bytes. */
  readonly address: Buffer;
  readonly port: number;
  /** An IPv6 listener that takes no IPv4; null where the kernel does not say (before Linux 4.3). */
  readonly v6Only: boolean | null;
  readonly inode: number;
  readonly uid: number;
  /** Connections that wait to be accepted, and how many may. */
  readonly queueLength: number;
  readonly queueLimit: number;
}

/** A listening Unix socket. */
export interface UnixListener {
  /** The name it was bound with, which a rename does not change; abstract names begin with a NUL. */
  readonly name: string;
  /** The socket file in the kernel's encoding; null for abstract names. */
  readonly file: SocketFile | null;
  readonly inode: number;
  readonly queueLength: number;
  readonly queueLimit: number;
}

/** Identity of a socket file as sock_diag gives it: device as major << 20 | minor, low 32 bits of the inode. */
export interface SocketFile {
  readonly device: number;
  readonly inode: number;
}

/** @throws {NetlinkRefused} */
export function tcpListeners(): TcpListener[] {
  return [AF_INET, AF_INET6].flatMap(family => inetRows(family, 1 << TCP_LISTEN).map(tcpListener));
}

/** @throws {NetlinkRefused} */
export function unixListeners(): UnixListener[] {
  return unixRows(1 << TCP_LISTEN, UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN).map(unixListener);
}

/** What stat(2) says of a socket file, as sock_diag says it (makedev(3) undone, then MKDEV of the kernel). */
export function socketFile(stat: { readonly dev: bigint; readonly ino: bigint }): SocketFile {
  const major = ((stat.dev >> 8n) & 0xfffn) | ((stat.dev >> 32n) & 0xfffff000n);
  const minor = (stat.dev & 0xffn) | ((stat.dev >> 12n) & 0xffffff00n);
  return {
    device: Number(BigInt.asUintN(32, (major << 20n) | minor)),
    inode: Number(BigInt.asUintN(32, stat.ino)),
  };
}

/** One dump of struct inet_diag_req_v2; `states` is a mask of 1 << TCP state. */
function inetRows(family: number, states: number): Buffer[] {
  const request = Buffer.alloc(56);
  request[0] = family;
  request[1] = IPPROTO_TCP;
  request.writeUInt32LE(states, 4);
  return netlinkDump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request);
}

/** One dump of struct unix_diag_req; `show` chooses the attributes. */
function unixRows(states: number, show: number): Buffer[] {
  const request = Buffer.alloc(24);
  request[0] = AF_UNIX;
  request.writeUInt32LE(states, 4);
  request.writeUInt32LE(show, 12);
  return netlinkDump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request);
}

/** struct inet_diag_msg: the socket's id begins at 4 and is in network order, what follows it at 52 is not. */
function tcpListener(row: Buffer): TcpListener {
  const family = row[0] === AF_INET6 ? 6 : 4;
  const v6Only = attributes(row, INET_FIXED_BYTES).get(INET_DIAG_SKV6ONLY)?.[0];
  return {
    family,
    address: Buffer.from(row.subarray(8, family === 6 ? 24 : 12)),
    port: row.readUInt16BE(4),
    v6Only: v6Only === undefined ? null : v6Only !== 0,
    queueLength: row.readUInt32LE(56),
    queueLimit: row.readUInt32LE(60),
    uid: row.readUInt32LE(64),
    inode: row.readUInt32LE(68),
  };
}

/** struct unix_diag_msg, then attributes. */
function unixListener(row: Buffer): UnixListener {
  const more = attributes(row, UNIX_FIXED_BYTES);
  const file = more.get(UNIX_DIAG_VFS);
  const queue = more.get(UNIX_DIAG_RQLEN);
  const name = more.get(UNIX_DIAG_NAME)?.toString('utf8') ?? '';
  return {
    name: name.startsWith('\0') ? name : name.replace(/\0+$/, ''),
    file: file === undefined ? null : { inode: file.readUInt32LE(0), device: file.readUInt32LE(4) },
    inode: row.readUInt32LE(4),
    queueLength: queue?.readUInt32LE(0) ?? 0,
    queueLimit: queue?.readUInt32LE(4) ?? 0,
  };
}
