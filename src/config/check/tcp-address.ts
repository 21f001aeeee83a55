/** A TCP address: whether it is this machine's, whether we may have the port, and who has it already. */
import {
  collide,
  type Endpoint,
  endpoint,
  formatEndpoint,
  holderOf,
  isOwnAddress,
  mappedIPv4,
} from '../../os/address.ts';
import { SystemError } from '../../os/libc.ts';
import { NetlinkRefused } from '../../os/netlink.ts';
import { read } from '../../os/proc.ts';
import { tcpListeners } from '../../os/sock-diag.ts';
import type { TcpListener } from '../../os/socket-rows.ts';
import type { ListenAddress } from '../address.ts';
import type { Report } from './findings.ts';
import { describeOccupant, type LeftListeners } from './occupant.ts';
import type { Self } from './self.ts';

type TcpAddress = Extract<ListenAddress, { type: 'tcp' }>;

const KEY = 'listen.address';

export function endpointOf({ host, port, family, dualStack }: TcpAddress): Endpoint {
  return endpoint(host, port, family, dualStack);
}

/** What is looked up once for all pools. */
export interface TcpSurroundings {
  /** By port, who listens now, but for ourselves; null when the kernel does not tell. */
  readonly others: ReadonlyMap<number, readonly TcpListener[]> | null;
  /** Hosts that this machine has. */
  readonly ownHosts: Map<string, boolean>;
  /** ip(7): ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE. */
  readonly unprivilegedFrom: number;
  readonly left: LeftListeners;
}

export function tcpSurroundings(own: readonly Endpoint[], left: LeftListeners): TcpSurroundings {
  return {
    left,
    others: foreignListeners(new Set(own.map(formatEndpoint)), left.inodes),
    ownHosts: new Map(),
    unprivilegedFrom: Number(read('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024),
  };
}

function foreignListeners(
  own: ReadonlySet<string>,
  left: ReadonlySet<number>,
): Map<number, TcpListener[]> | null {
  const byPort = new Map<number, TcpListener[]>();
  try {
    for (const row of tcpListeners())
      if (!left.has(row.inode) && !own.has(formatEndpoint(row)))
        byPort.set(row.port, [...(byPort.get(row.port) ?? []), row]);
    return byPort;
  } catch (error) {
    if (error instanceof NetlinkRefused) return null;
    throw error;
  }
}

export function checkTcpAddress(
  address: TcpAddress,
  { others, ownHosts, unprivilegedFrom, left }: TcpSurroundings,
  self: Self,
  report: Report,
): void {
  const wanted = endpointOf(address);
  const mapped = mappedIPv4(wanted);
  if (mapped !== null) {
    // Our IPv6 listeners on one address take IPv6 only, so the kernel refuses this one (EINVAL).
    report.error(
      KEY,
      `${address.host} is an IPv4 address in IPv6`,
      `write "${mapped.join('.')}:${address.port}"`,
    );
    return;
  }
  checkHost(address.host, ownHosts, report);
  checkPort(address.port, unprivilegedFrom, self, report);
  if (others === null) {
    report.untested(KEY, 'the kernel does not say over netlink who listens where');
    return;
  }
  // The table and not a bind: a listener with SO_REUSEPORT lets ours in beside it, and takes half the connections.
  const taken = others.get(wanted.port)?.find(other => collide(wanted, other));
  if (taken === undefined) return;
  const unknown = `a process of uid ${taken.uid}`;
  const { who, remedy } = describeOccupant(holderOf(taken.inode), unknown, 'another address', left);
  const message = `${formatEndpoint(wanted)} is taken: ${who} listens on ${formatEndpoint(taken)}`;
  const forPoolUser = `${formatEndpoint(wanted)} is taken: another process listens on it`;
  report.error(KEY, message, remedy, { forPoolUser });
}

function checkHost(host: string, known: Map<string, boolean>, report: Report): void {
  try {
    const isOwn = known.get(host) ?? isOwnAddress(host);
    known.set(host, isOwn);
    if (isOwn) return;
    const remedy = 'one of `ip address`, 127.0.0.1, or a bare port for all';
    report.error(KEY, `${host} is not an address of this machine`, remedy);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    report.error(
      KEY,
      `${host} cannot be listened on here: ${error.message}`,
      'an IPv4 address: "127.0.0.1:9000"',
    );
  }
}

function checkPort(port: number, start: number, self: Self, report: Report): void {
  if (port >= start || self.capabilities.has('net_bind_service')) return;
  const message = `port ${port} is below ${start} and needs CAP_NET_BIND_SERVICE`;
  report.error(KEY, message, `a port from ${start} on, or start fpm-ts as root`);
}
