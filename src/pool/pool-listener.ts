/**
 * One listening socket of a pool, held by the keeper under the name POOL#NUMBER: a value. Each generation has its own,
 * unless the socket is not ours to replace.
 */
import type { ListenAddress } from '../config/address.ts';
import type { PoolConfig } from '../config/types.ts';
import type { BindAddress, ListenerSpec, ListenerState } from '../keeper/protocol.ts';
import { poolIdentity, socketOwner } from '../worker/identity.ts';

export interface Listener {
  /** Counts the sockets that the pool has had. */
  readonly number: number;
  /** Of the socket itself, as in `socket:[INODE]`: what the kernel's tables know it by. */
  readonly inode: number;
  /** Only those who accept on it already can: nobody else can be started on it. */
  readonly isLost: boolean;
  /** Another program's, until a generation of ours takes over from it. */
  readonly isForeign: boolean;
}

/** The keeper's name for it. */
export function listenerId(pool: string, number: number): string {
  return `${pool}#${number}`;
}

export function heldListener({ spec: { id }, inode, isLost, isForeign }: ListenerState): Listener {
  return { number: Number(id.slice(id.lastIndexOf('#') + 1)), inode, isLost, isForeign };
}

/** Which pool a held listener belongs to. */
export function poolOf({ spec: { id } }: ListenerState): string {
  return id.slice(0, id.lastIndexOf('#'));
}

/** Whether a reload may put another socket in its place. */
export function isOursToReplace({ listen }: PoolConfig): boolean {
  const { type } = listen.address;
  return type === 'tcp' || (type === 'unix' && listen.swap === 'rename');
}

/** A socket of the service manager's outlives us: connections wait in it until we are back. */
export function isOursToClose({ listen }: PoolConfig): boolean {
  return listen.address.type === 'tcp' || listen.address.type === 'unix';
}

/** @param a of a configuration, or of a listener that was opened for one */
export function isSameAddress(a: BindAddress | ListenAddress | undefined, b: ListenAddress): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** null: the pool has no listener. @throws {Error} when its owner does not exist */
export function specOf(config: PoolConfig, number: number): ListenerSpec | null {
  const { address, backlog, mode, allowedClients, nonblock } = config.listen;
  if (address.type === 'none') return null;
  const id = listenerId(config.name, number);
  const { uid, gid, groups } = poolIdentity(config);
  const user = address.type === 'unix' ? { user: { uid, gid, groups } } : {};
  return { id, address, backlog, mode, allowedClients, nonblock, ...socketOwner(config), ...user };
}
