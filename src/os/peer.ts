/** Who is at the other end of a Unix connection, as the kernel recorded it at connect (unix(7), socket(7)). */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { declare, lastErrno, must } from './libc.ts';
import { AF_UNIX, unixAddress } from './sockaddr.ts';

const socket = declare('int socket(int, int, int)');
const connect = declare('int connect(int, const void *, uint32_t)');
const getsockopt = declare('int getsockopt(int, int, int, void*, void*)');
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;

export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; empty where the kernel does not tell (before Linux 4.13). */
  readonly groups: readonly number[];
}

/** @throws {SystemError} when the descriptor is no connected Unix socket */
export function peerOf(descriptor: number): Peer {
  const credentials = Buffer.alloc(12); // struct ucred
  must(getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, credentials, lengthOf(12)), 'getsockopt SO_PEERCRED');
  return {
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(4),
    gid: credentials.readUInt32LE(8),
    groups: groupsOf(descriptor),
  };
}

/** The process that listens on a socket file; null when nobody does, or it cannot be asked (a full queue, no permission). */
export function listenerPid(path: string): number | null {
  const descriptor = must(socket(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0), 'socket');
  try {
    const address = unixAddress(path);
    if (connect(descriptor, address, address.length) !== 0) return null;
    return peerOf(descriptor).pid || null; // 0: in a pid namespace that is not ours
  } finally {
    closeSync(descriptor);
  }
}

/** The kernel says ERANGE, and how much room it needs, when the list does not fit. */
function groupsOf(descriptor: number): number[] {
  let room = 64 * 4;
  for (;;) {
    const list = Buffer.alloc(room);
    const length = lengthOf(room);
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, list, length) === 0) {
      return [...new Uint32Array(list.buffer, list.byteOffset, length.readUInt32LE(0) / 4)];
    }
    if (lastErrno() !== constants.errno.ERANGE || length.readUInt32LE(0) <= room) return [];
    room = length.readUInt32LE(0);
  }
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes, 0);
  return length;
}
