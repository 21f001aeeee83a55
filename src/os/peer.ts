/** Who is at the other end of a Unix connection, as the kernel recorded it at connect (unix(7), socket(7)). */
import { constants } from 'node:os';
import { declare, lastErrno, must } from './libc.ts';

const getsockopt = declare('int getsockopt(int, int, int, void*, void*)');
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
