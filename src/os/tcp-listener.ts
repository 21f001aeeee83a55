/**
 * Listening TCP sockets, and how two of them share an address so that one takes over from the other:
 * SO_REUSEPORT lets both listen, and a program of one instruction says which of them gets new connections.
 */
import { closeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { collide, type Endpoint, endpoint, formatEndpoint, holderOf } from './address.ts';
import { hide } from './aside.ts';
import { attachProgram, instruction, RETURN } from './bpf.ts';
import { clientFilter, handshakeFilter } from './client-filter.ts';
import { declare, lastErrno, must, SystemError } from './libc.ts';
import { AF_INET6, inetAddress } from './sockaddr.ts';
import { TcpOwners } from './tcp-owners.ts';

const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, void*, uint32_t)');
const listen = declare('int listen(int, int)');
const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');
const shutdown = declare('int shutdown(int, int)');

const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_DETACH_FILTER = 27;
const ATTACH_FILTER = { name: 'SO_ATTACH_FILTER', number: 26 };
const ATTACH_REUSEPORT_PROGRAM = { name: 'SO_ATTACH_REUSEPORT_CBPF', number: 51 };
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SHUT_RDWR = 2;
const EADDRINUSE = 98;

export interface TcpAddress {
  /** An IPv4 or IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** An IPv6 address that takes IPv4 as well. */
  readonly dualStack: boolean;
}

export interface TcpListenerOptions extends TcpAddress {
  readonly backlog: number;
  readonly allowedClients: readonly string[];
  /** Nothing comes to it before it is revealed (aside.ts). */
  readonly isHidden?: boolean;
}

export function tcpEndpoint({ host, port, dualStack }: TcpAddress): Endpoint {
  return endpoint(host, port, isIPv6(host) ? 6 : 4, dualStack);
}

/** What stands at the address already. */
export interface Beside {
  /** Socket inodes of our own listeners that it may stand beside; empty: none of ours is in its way. */
  readonly besides: ReadonlySet<number>;
  readonly owners: TcpOwners;
}

/** @throws {SystemError} EADDRINUSE, which names the process where it can be found; EADDRNOTAVAIL, EACCES */
export function listenTcp(
  options: TcpListenerOptions,
  beside: Beside = { besides: new Set(), owners: new TcpOwners() },
): number {
  const { family, bytes } = inetAddress(options.host, options.port);
  const wanted = tcpEndpoint(options);
  const descriptor = must(socket(family, SOCK_STREAM_CLOEXEC, 0), 'socket');
  try {
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, options.dualStack ? 0 : 1);
    if (options.allowedClients.length > 0) setAllowedClients(descriptor, options.allowedClients);
    if (options.isHidden === true) hide(descriptor);
    bindBeside(descriptor, bytes, wanted, beside);
    setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    must(listen(descriptor, options.backlog), 'listen', formatEndpoint(wanted));
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * SO_REUSEPORT hides an address that is in use: where nobody of ours is in the way, the bind is done without it and the
 * kernel refuses for us. Beside one of ours it cannot, and we look ourselves; so do we beside one that was set aside,
 * of which the kernel tells by refusing.
 */
function bindBeside(descriptor: number, bytes: Buffer, wanted: Endpoint, { besides, owners }: Beside): void {
  if (besides.size === 0) {
    if (bind(descriptor, bytes, bytes.length) >= 0) return;
    const error = new SystemError('bind', lastErrno(), formatEndpoint(wanted));
    if (error.errno !== EADDRINUSE) throw error;
    refuseTaken(wanted, besides, owners);
    if (!owners.aside(wanted.port).some(other => collide(wanted, other))) throw error;
  } else refuseTaken(wanted, besides, owners);
  setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  must(bind(descriptor, bytes, bytes.length), 'bind', formatEndpoint(wanted));
}

/** @throws {SystemError} EADDRINUSE when somebody else listens where we want to */
function refuseTaken(wanted: Endpoint, besides: ReadonlySet<number>, owners: TcpOwners): void {
  const taken = owners
    .reachable(wanted.port)
    .find(other => collide(wanted, other) && !besides.has(other.inode));
  if (taken === undefined) return;
  const holder = holderOf(taken.inode);
  const who = holder === null ? `a process of uid ${taken.uid}` : `${holder.program} (pid ${holder.pid})`;
  const subject = `${formatEndpoint(wanted)}, where ${who} listens on ${formatEndpoint(taken)}`;
  throw new SystemError('bind', EADDRINUSE, subject);
}

/**
 * From now on the listener of that index gets every new connection to the address that the two share: the first that
 * listened has 0, and when it is shut down the other has. What both have in their queues stays there.
 */
export function steer(descriptor: number, index: number): void {
  attachProgram(descriptor, ATTACH_REUSEPORT_PROGRAM, [instruction(RETURN, index)]);
}

/** Ends the listening for everybody who holds the socket, workers included; what waited in its queue is reset. */
export function shutDown(descriptor: number): void {
  shutdown(descriptor, SHUT_RDWR); // ENOTCONN: a worker has done so already
}

/**
 * Lets only these networks connect to a TCP listener; none named: all.
 * @throws {SystemError} EPERM where the kernel lets only root attach a filter (some hardened ones)
 */
export function setAllowedClients(descriptor: number, networks: readonly string[]): void {
  // Everybody may detach one. ENOENT: none was attached.
  if (networks.length === 0) setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, Buffer.alloc(4), 4);
  else attachProgram(descriptor, ATTACH_FILTER, clientFilter(networks));
}

/** Lets nobody begin a connection, until `setAllowedClients` is called; whoever has begun goes on. */
export function refuseHandshakes(descriptor: number): void {
  attachProgram(descriptor, ATTACH_FILTER, handshakeFilter());
}

function setOption(descriptor: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  must(setsockopt(descriptor, level, option, bytes, 4), 'setsockopt');
}
