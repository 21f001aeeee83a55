/** What the credentials that the kernel recorded of a process at the control socket say of its rights. */
import type { Peer } from '../../os/peer.ts';

/** Root, and the user that fpm-ts runs as. */
export function isRoot({ uid }: Peer): boolean {
  return uid === 0 || uid === process.getuid?.();
}

/** @param controlGid of control.group; null: there is none */
export function isMember({ gid, groups }: Peer, controlGid: number | null): boolean {
  return controlGid !== null && (gid === controlGid || groups.includes(controlGid));
}
