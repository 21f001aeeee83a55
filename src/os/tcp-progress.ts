/** How much went over TCP connections, and how lately (struct tcp_info over sock_diag). */
import { attribute, attributeLength, NetlinkRefused, netlinkDump } from './netlink.ts';
import { portFilter } from './port-filter.ts';
import { IN_CONNECTION } from './socket-rows.ts';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const IPPROTO_TCP = 6;
const INET_DIAG_REQ_BYTECODE = 1;
const INET_DIAG_INFO = 2;
const INET_REQUEST_BYTES = 56;
const INET_FIXED_BYTES = 72;
const FAMILIES = { 4: 2, 6: 10 } as const;
/** Offsets in struct tcp_info (include/uapi/linux/tcp.h), which only grows at its end. */
const LAST_DATA_SENT = 44;
const LAST_DATA_RECEIVED = 52;
const BYTES_ACKED = 120;
const BYTES_RECEIVED = 128;

export interface TcpProgress {
  readonly receivedBytes: number;
  /** What the other side has acknowledged. */
  readonly sentBytes: number;
  /** How long ago the last data came and went. */
  readonly receivedAgoMs: number;
  readonly sentAgoMs: number;
}

/**
 * Of the accepted connections at these local ports.
 * @returns by inode; null: the kernel does not tell (no sock_diag here, or before Linux 4.1)
 */
export function tcpProgress(
  family: 4 | 6,
  ports: readonly number[],
): ReadonlyMap<number, TcpProgress> | null {
  const filter = portFilter(ports);
  const request = Buffer.alloc(INET_REQUEST_BYTES + 4 + filter.length); // struct inet_diag_req_v2
  request[0] = FAMILIES[family];
  request[1] = IPPROTO_TCP;
  request[2] = 1 << (INET_DIAG_INFO - 1);
  request.writeUInt32LE(IN_CONNECTION, 4);
  request.writeUInt16LE(4 + filter.length, INET_REQUEST_BYTES);
  request.writeUInt16LE(INET_DIAG_REQ_BYTECODE, INET_REQUEST_BYTES + 2);
  filter.copy(request, INET_REQUEST_BYTES + 4);
  const found = new Map<number, TcpProgress>();
  try {
    netlinkDump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request, (bytes, from, to) => {
      const inode = bytes.readUInt32LE(from + 68);
      const info = attribute(bytes, from + INET_FIXED_BYTES, to, INET_DIAG_INFO);
      if (inode === 0 || info === -1 || attributeLength(bytes, info) < BYTES_RECEIVED + 8) return;
      found.set(inode, {
        receivedBytes: Number(bytes.readBigUInt64LE(info + BYTES_RECEIVED)),
        sentBytes: Number(bytes.readBigUInt64LE(info + BYTES_ACKED)),
        receivedAgoMs: bytes.readUInt32LE(info + LAST_DATA_RECEIVED),
        sentAgoMs: bytes.readUInt32LE(info + LAST_DATA_SENT),
      });
    });
  } catch (error) {
    if (error instanceof NetlinkRefused) return null;
    throw error;
  }
  return found;
}
