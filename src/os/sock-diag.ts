/**
 * The kernel's tables of sockets over netlink (sock_diag(7)): who listens where, how full the queues are,
 * which connections were accepted. Rows of this network namespace only. Nothing is allocated for a row: a dump of
 * ten thousand is read in place.
 */
import { ASIDE_INTERFACE } from './aside.ts';
import { attribute, attributeLength, netlinkDump, netlinkGet } from './netlink.ts';
import { portFilter } from './port-filter.ts';
import {
  IN_LISTEN,
  type SocketFile,
  type TcpListener,
  type TcpRow,
  type UnixListener,
  type UnixRow,
} from './socket-rows.ts';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const UDIAG_SHOW_NAME = 0x01;
const UDIAG_SHOW_VFS = 0x02;
const UDIAG_SHOW_RQLEN = 0x10;
const UNIX_DIAG_NAME = 0;
const UNIX_DIAG_VFS = 1;
const UNIX_DIAG_RQLEN = 4;
const INET_DIAG_REQ_BYTECODE = 1;
const INET_DIAG_SKV6ONLY = 11;
/** struct unix_diag_req. */
const UNIX_REQUEST_BYTES = 24;
const UNIX_FIXED_BYTES = 16;
const INET_REQUEST_BYTES = 56;
const INET_FIXED_BYTES = 72;

/**
 * Visits Unix sockets, one dump.
 * @param states a mask of 1 << state
 * @param withNames whether `name` is wanted: it makes the dump longer
 * @throws {NetlinkRefused}
 */
export function visitUnix(states: number, withNames: boolean, visit: (row: UnixRow) => void): void {
  const request = Buffer.alloc(UNIX_REQUEST_BYTES);
  request[0] = AF_UNIX;
  request.writeUInt32LE(states, 4);
  const queues = (states & IN_LISTEN) === 0 ? 0 : UDIAG_SHOW_RQLEN; // of others it costs a lock each
  request.writeUInt32LE(UDIAG_SHOW_VFS | queues | (withNames ? UDIAG_SHOW_NAME : 0), 12);
  const row = new UnixDiagRow();
  netlinkDump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request, (bytes, from, to) => {
    row.move(bytes, from, to);
    visit(row);
  });
}

/**
 * The file of one Unix socket.
 * @param inode of the socket itself. @returns null: it has none
 * @throws {NetlinkRefused} also when there is no such socket
 */
export function fileOfSocket(inode: number): SocketFile | null {
  const request = Buffer.alloc(UNIX_REQUEST_BYTES);
  request[0] = AF_UNIX;
  request.writeUInt32LE(0xffff_ffff, 4);
  request.writeUInt32LE(inode, 8);
  request.writeUInt32LE(UDIAG_SHOW_VFS, 12);
  request.fill(0xff, 16); // whatever its cookie
  const row = new UnixDiagRow();
  netlinkGet(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request, (bytes, from, to) => row.move(bytes, from, to));
  return row.fileInode === 0 ? null : { device: row.fileDevice, inode: row.fileInode };
}

/**
 * Visits TCP sockets of one address family, one dump.
 * @param states a mask of 1 << state
 * @param ports only sockets whose own port is one of these; null: all. The kernel picks them out.
 * @throws {NetlinkRefused}
 */
export function visitTcp(
  family: 4 | 6,
  states: number,
  ports: readonly number[] | null,
  visit: (row: TcpRow) => void,
): void {
  const filter = ports === null ? Buffer.alloc(0) : portFilter(ports);
  const request = Buffer.alloc(INET_REQUEST_BYTES + (filter.length > 0 ? 4 + filter.length : 0));
  request[0] = family === 6 ? AF_INET6 : AF_INET; // struct inet_diag_req_v2, then the filter as an attribute
  request[1] = IPPROTO_TCP;
  request.writeUInt32LE(states, 4);
  if (filter.length > 0) {
    request.writeUInt16LE(4 + filter.length, INET_REQUEST_BYTES);
    request.writeUInt16LE(INET_DIAG_REQ_BYTECODE, INET_REQUEST_BYTES + 2);
    filter.copy(request, INET_REQUEST_BYTES + 4);
  }
  const row = new TcpDiagRow();
  netlinkDump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request, (bytes, from, to) => {
    row.move(bytes, from, to);
    visit(row);
  });
}

/**
 * Those that can be reached: one that was taken over and set aside is in nobody's way.
 * @throws {NetlinkRefused}
 */
export function tcpListeners(): TcpListener[] {
  return allTcpListeners().filter(({ interfaceIndex }) => interfaceIndex !== ASIDE_INTERFACE);
}

/** Those as well that were set aside. @throws {NetlinkRefused} */
export function allTcpListeners(): TcpListener[] {
  const found: TcpListener[] = [];
  for (const family of [4, 6] as const)
    visitTcp(family, IN_LISTEN, null, row => {
      const { port, address, v6Only, inode, uid, interfaceIndex, queueLength, queueLimit } = row;
      found.push({ family, port, address, v6Only, inode, uid, interfaceIndex, queueLength, queueLimit });
    });
  return found;
}

/** @throws {NetlinkRefused} */
export function unixListeners(): UnixListener[] {
  const found: UnixListener[] = [];
  visitUnix(IN_LISTEN, true, ({ name, fileInode, fileDevice, inode, queueLength, queueLimit }) => {
    const file = fileInode === 0 ? null : { device: fileDevice, inode: fileInode };
    found.push({ name, file, inode, queueLength, queueLimit });
  });
  return found;
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

/** struct unix_diag_msg, then attributes. */
class UnixDiagRow implements UnixRow {
  state = 0;
  inode = 0;
  fileDevice = 0;
  fileInode = 0;
  queueLength = 0;
  queueLimit = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #name = -1;

  move(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes;
    this.state = bytes.readUInt8(from + 2);
    this.inode = bytes.readUInt32LE(from + 4);
    const attributes = from + UNIX_FIXED_BYTES;
    const file = attribute(bytes, attributes, to, UNIX_DIAG_VFS);
    this.fileInode = file === -1 ? 0 : bytes.readUInt32LE(file);
    this.fileDevice = file === -1 ? 0 : bytes.readUInt32LE(file + 4);
    const queue = attribute(bytes, attributes, to, UNIX_DIAG_RQLEN);
    this.queueLength = queue === -1 ? 0 : bytes.readUInt32LE(queue);
    this.queueLimit = queue === -1 ? 0 : bytes.readUInt32LE(queue + 4);
    this.#name = attribute(bytes, attributes, to, UNIX_DIAG_NAME);
  }

  get name(): string {
    if (this.#name === -1) return '';
    const end = this.#name + attributeLength(this.#bytes, this.#name);
    const name = this.#bytes.toString('utf8', this.#name, end);
    return name.startsWith('\0') ? name : name.replace(/\0+$/, '');
  }
}

/** struct inet_diag_msg: the socket's id begins at 4 and is in network order, what follows it at 52 is not. */
class TcpDiagRow implements TcpRow {
  family: 4 | 6 = 4;
  state = 0;
  port = 0;
  inode = 0;
  uid = 0;
  interfaceIndex = 0;
  queueLength = 0;
  queueLimit = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  move(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.family = bytes[from] === AF_INET6 ? 6 : 4;
    this.state = bytes.readUInt8(from + 1);
    this.port = bytes.readUInt16BE(from + 4);
    this.interfaceIndex = bytes.readUInt32LE(from + 40); // in the id, and in host order all the same
    this.queueLength = bytes.readUInt32LE(from + 56);
    this.queueLimit = bytes.readUInt32LE(from + 60);
    this.uid = bytes.readUInt32LE(from + 64);
    this.inode = bytes.readUInt32LE(from + 68);
  }

  get address(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#from + 8, this.#from + 8 + this.#addressBytes));
  }

  get v6Only(): boolean | null {
    const at = attribute(this.#bytes, this.#from + INET_FIXED_BYTES, this.#to, INET_DIAG_SKV6ONLY);
    return at === -1 ? null : this.#bytes[at] !== 0;
  }

  hasAddress(address: Buffer): boolean {
    const from = this.#from + 8;
    if (address.length !== this.#addressBytes) return false;
    return this.#bytes.compare(address, 0, address.length, from, from + address.length) === 0;
  }

  get peer(): { readonly address: Buffer; readonly port: number } {
    const from = this.#from + 24;
    const address = Buffer.from(this.#bytes.subarray(from, from + this.#addressBytes));
    return { address, port: this.#bytes.readUInt16BE(this.#from + 6) };
  }

  get #addressBytes(): number {
    return this.family === 6 ? 16 : 4;
  }
}
