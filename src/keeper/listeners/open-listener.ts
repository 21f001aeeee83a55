/** What the keeper does with a listening socket, whatever its kind. */

import type { FileUser } from '../../os/file-rights.ts';
import type { SavedListener } from '../handover/state.ts';
import type { ListenerSpec } from '../protocol.ts';

export interface OpenListener {
  readonly spec: ListenerSpec;
  /** Of the socket itself: the number in `socket:[N]`. */
  readonly inode: number;
  /** null: it is lost, only workers of an earlier keeper hold it, or the program that had it before us. */
  readonly descriptor: number | null;
  /** New connections to the address come here. */
  readonly isPublic: boolean;
  /** Gives it other settings, its address apart; one that refuses takes connections again. */
  adjust(spec: ListenerSpec): void;
  /** New connections come here from now on and no longer to the one beside it. Harmless twice. */
  publish(): void;
  /** Takes no new connections; those that wait or are half open stay. */
  refuse(): void;
  close(): void;
  /** As it is now, for whoever goes on with it; null: nobody is to. */
  readonly saved: SavedListener | null;
}

/** @returns the descriptor of a listener. @throws {Error} when it is lost */
export function heldDescriptor({ descriptor, spec }: OpenListener): number {
  if (descriptor !== null) return descriptor;
  throw new Error(
    `only workers of an earlier keeper hold listener ${spec.id}, and the kernel does not let us take it from them`,
  );
}

/**
 * On whose behalf the file of a Unix socket is touched (os/socket-place.ts). Of one that an earlier version opened, the
 * owner of that file is all that is known of the pool's user.
 */
export function socketUser({ user, uid, gid }: ListenerSpec): FileUser {
  return user ?? { uid, gid, groups: [] };
}
