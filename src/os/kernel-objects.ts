/**
 * Whether a descriptor that was taken out of another process is what it was taken for. That process may deceive: a
 * file of any kind can have the same inode number on another device, and the number of a socket comes again.
 */
import { closeSync, fstatSync } from 'node:fs';
import { declare, must } from './libc.ts';
import { openPipe } from './pipe.ts';
import { AF_UNIX } from './sockaddr.ts';
import { isListening, isStreamOf } from './stream-socket.ts';

const socket = declare('int socket(int, int, int)');
const getsockname = declare('int getsockname(int, void*, void*)');
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const NAME_BYTES = 128;

/** As /proc/PID/fd shows them: `socket:[N]`, `pipe:[N]`. */
export type Kind = 'socket' | 'pipe';

export function isKernelObject(descriptor: number, kind: Kind, inode: number): boolean {
  const stat = fstatSync(descriptor);
  const isKind = kind === 'socket' ? stat.isSocket() : stat.isFIFO();
  return isKind && stat.ino === inode && stat.dev === deviceOf(kind);
}

/** Whether it is that socket, and listens for streams of that family. */
export function isStreamListener(descriptor: number, inode: number, family: number): boolean {
  return (
    isKernelObject(descriptor, 'socket', inode) && isListening(descriptor) && isStreamOf(descriptor, family)
  );
}

/** @param address a sockaddr, with which the name that the socket was bound to begins */
export function isBoundTo(descriptor: number, address: Buffer): boolean {
  const name = Buffer.alloc(NAME_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(NAME_BYTES, 0);
  must(getsockname(descriptor, name, length), 'getsockname');
  return name.subarray(0, address.length).equals(address);
}

const devices = new Map<Kind, number>();

/** All of a kind are on one device, which only the kernel has. */
function deviceOf(kind: Kind): number {
  const known = devices.get(kind);
  if (known !== undefined) return known;
  const { read, write } = kind === 'pipe' ? openPipe('read') : newSocket();
  const { dev } = fstatSync(read);
  closeSync(read);
  if (write !== read) closeSync(write);
  devices.set(kind, dev);
  return dev;
}

function newSocket(): { readonly read: number; readonly write: number } {
  const descriptor = must(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
  return { read: descriptor, write: descriptor };
}
