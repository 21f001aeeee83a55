/**
 * TCP listeners that nobody reaches, although they listen: how ours comes up beside one of another program that was
 * taken over, and how that one then goes out of the way. SO_REUSEPORT alone cannot do it: a socket that listened
 * before the option was set takes no program that steers (reuseport_attach_prog in net/core/sock_reuseport.c), and
 * shutdown() would end the accept of a program that is not ours, which its manager may start again without end.
 *
 * A listener that is bound to an interface gets only what comes in there (inet_lookup in net/ipv4/inet_hashtables.c),
 * and by number it can be bound to one that does not exist. It goes on listening, keeps its queue and the handshakes
 * that are half open, and is in no group with listeners that are bound to no interface.
 */
import { fchownSync, fstatSync } from 'node:fs';
import { declare, must } from './libc.ts';

const setsockopt = declare('int setsockopt(int, int, int, void*, uint32_t)');

const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const SO_BINDTOIFINDEX = 62;

const NO_INTERFACE = 0;
/** Numbers that no interface comes to have: they are given from 1 upwards. Two, so that the two kinds share no group. */
const HIDDEN_INTERFACE = 0x3ffffff0;
export const ASIDE_INTERFACE = 0x3ffffff1;

/**
 * Hides a socket before it is bound.
 * @throws {SystemError} EPERM without CAP_NET_RAW, which it takes to reveal it again
 */
export function hide(descriptor: number): void {
  bindToInterface(descriptor, HIDDEN_INTERFACE);
  bindToInterface(descriptor, NO_INTERFACE); // before anything depends on it
  bindToInterface(descriptor, HIDDEN_INTERFACE);
}

/** From now on new connections come to it as well. */
export function reveal(descriptor: number): void {
  bindToInterface(descriptor, NO_INTERFACE);
}

/** From now on nothing new comes to it, for good. */
export function setAside(descriptor: number): void {
  bindToInterface(descriptor, ASIDE_INTERFACE);
}

/** What `shareAddress` changed. */
export interface Unshared {
  readonly uid: number;
}

/**
 * Lets us bind beside a listener: the kernel wants SO_REUSEPORT on both, and both of one user.
 * @throws {SystemError} EPERM when it is another user's and we may not change that
 */
export function shareAddress(descriptor: number): Unshared {
  const { uid } = fstatSync(descriptor);
  const own = process.geteuid?.() ?? 0;
  if (uid !== own) fchownSync(descriptor, own, -1);
  setOption(descriptor, SO_REUSEPORT, 1);
  return { uid };
}

/** It is as it was before. */
export function unshareAddress(descriptor: number, { uid }: Unshared): void {
  setOption(descriptor, SO_REUSEPORT, 0);
  if (fstatSync(descriptor).uid !== uid) fchownSync(descriptor, uid, -1);
}

function bindToInterface(descriptor: number, index: number): void {
  setOption(descriptor, SO_BINDTOIFINDEX, index);
}

function setOption(descriptor: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  must(setsockopt(descriptor, SOL_SOCKET, option, bytes, 4), 'setsockopt');
}
