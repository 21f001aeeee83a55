/**
 * The kernel's tables of sockets over netlink, or where that is refused, as text. What was refused once is not asked
 * again: that is how this kernel or sandbox is.
 */
import { NetlinkRefused } from './netlink.ts';
import { visitTcpText, visitUnixText } from './proc-net.ts';
import { visitTcp, visitUnix } from './sock-diag.ts';
import { IN_LISTEN, type TcpRow, type UnixRow } from './socket-rows.ts';

type Table = 'unix' | 'tcp';

const refusals = new Map<Table, string>();

/** Visits Unix sockets whose state is in the mask, one dump. @param withNames whether `name` is wanted */
export function unixSockets(states: number, withNames: boolean, visit: (row: UnixRow) => void): void {
  orAsText(
    'unix',
    () => visitUnix(states, withNames, visit),
    () => visitUnixText(states, visit),
  );
}

/** Visits TCP sockets whose state is in the mask, one dump. @param ports the own ports that are wanted; null: all */
export function tcpSockets(
  family: 4 | 6,
  states: number,
  ports: readonly number[] | null,
  visit: (row: TcpRow) => void,
): void {
  orAsText(
    'tcp',
    () => visitTcp(family, states, ports, visit),
    () => visitTcpText(family, states, ports, visit),
  );
}

/** Whether and why tables are read as text here, a sentence each, for whoever tells the user once. */
export function socketTableLimits(): string[] {
  unixSockets(IN_LISTEN, false, () => {});
  tcpSockets(4, IN_LISTEN, null, () => {});
  return [...refusals].map(
    ([table, reason]) =>
      `connections are read from /proc/net/${table}: slower, without the limits of queues${
        table === 'unix' ? ', and any local user can forge rows there' : ''
      } (${reason})`,
  );
}

function orAsText(table: Table, overNetlink: () => void, asText: () => void): void {
  if (!refusals.has(table)) {
    try {
      overNetlink();
      return;
    } catch (error) {
      if (!(error instanceof NetlinkRefused)) throw error;
      refusals.set(table, error.message);
    }
  }
  asText();
}
