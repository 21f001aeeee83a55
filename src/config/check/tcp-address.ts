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
import { describeOccupant } from './occupant.ts';
import type { Self } from './self.ts';

type TcpAddress = Extract<ListenAddress, { type: 'tcp' }>;

const KEY = 'listen.address';

export function endpointOf({ host, port, family, dualStack }: TcpAddress): Endpoint {
  return endpoint(host, port, family, dualStack);
}

/** Who listens now, but for ourselves; null when the kernel does not tell. Read once for all pools. */
export function foreignListeners(own: readonly Endpoint[]): TcpListener[] | null {
  try {
    return tcpListeners().filter(row => !own.some(mine => isSame(mine, row)));
  } catch (error) {
    if (error instanceof NetlinkRefused) return null;
    throw error;
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.family === b.family && a.port === b.port && a.address.equals(b.address);
}

export function checkTcpAddress(
  address: TcpAddress,
  others: readonly TcpListener[] | null,
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
  checkHost(address.host, report);
  checkPort(address.port, self, report);
  if (others === null) {
    report.untested(KEY, 'the kernel does not say over netlink who listens where');
    return;
  }
  // The table and not a bind: a listener with SO_REUSEPORT lets ours in beside it, and takes half the connections.
  const taken = others.find(other => collide(wanted, other));
  if (taken === undefined) return;
  const unknown = `a process of uid ${taken.uid}`;
  const { who, remedy } = describeOccupant(holderOf(taken.inode), unknown, 'another address');
  const message = `${formatEndpoint(wanted)} is taken: ${who} listens on ${formatEndpoint(taken)}`;
  report.error(KEY, message, remedy);
}

function checkHost(host: string, report: Report): void {
  try {
    if (isOwnAddress(host)) return;
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

/** ip(7): ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE. */
function checkPort(port: number, self: Self, report: Report): void {
  const start = Number(read('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024);
  if (port >= start || self.capabilities.has('net_bind_service')) return;
  const message = `port ${port} is below ${start} and needs CAP_NET_BIND_SERVICE`;
  report.error(KEY, message, `a port from ${start} on, or start fpm-ts as root`);
}
