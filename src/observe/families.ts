/**
 * Which worker holds which accepted connection, and since when (DESIGN D2). A worker is a family: the process that we
 * started and all that it started. A connection that is found with nobody (io_uring, a process that we may not look
 * into) is still in its listener's count, so its pool is busy.
 */
import { allPids, descendants, openSockets, readStat } from '../os/proc.ts';

/**
 * All processes by session, in one pass over /proc: about 12 µs for each process of the machine. A worker leads a
 * session of its own, and what it left behind when it daemonized is still in there, although it descends from us.
 */
export function processesBySession(): ReadonlyMap<number, readonly number[]> {
  const sessions = new Map<number, number[]>();
  for (const pid of allPids()) {
    const stat = readStat(pid);
    if (stat === null || stat.state === 'Z' || stat.state === 'X') continue;
    const members = sessions.get(stat.session);
    if (members === undefined) sessions.set(stat.session, [pid]);
    else members.push(pid);
  }
  return sessions;
}

/**
 * The connections that a worker holds.
 * @param accepted the connections that its listener has accepted
 * @param family its processes
 * @returns their inodes; null when we may not look into one of its processes
 */
export function connectionsOf(
  pid: number,
  accepted: ReadonlySet<number>,
  family: readonly number[] = descendants(pid),
): number[] | null {
  if (accepted.size === 0) return [];
  const sockets = socketsOf(family);
  return sockets === null ? null : [...sockets].filter(inode => accepted.has(inode));
}

/** A set, as children share what they inherited. */
function socketsOf(family: readonly number[]): ReadonlySet<number> | null {
  const sockets = new Set<number>();
  for (const pid of family) {
    const open = openSockets(pid);
    if (open === null) return null;
    for (const inode of open) sockets.add(inode);
  }
  return sockets;
}

/** Remembers since when each accepted connection is known. */
export class Sightings {
  readonly #sinceMs = new Map<number, number>();

  /** Takes what is accepted now, and forgets what is not any more. */
  note(accepted: ReadonlySet<number>, nowMs: number): void {
    for (const inode of accepted) if (!this.#sinceMs.has(inode)) this.#sinceMs.set(inode, nowMs);
    if (this.#sinceMs.size === accepted.size) return;
    for (const inode of this.#sinceMs.keys()) if (!accepted.has(inode)) this.#sinceMs.delete(inode);
  }

  since(inode: number): number | null {
    return this.#sinceMs.get(inode) ?? null;
  }

  /** The connections that were there at that time already, the oldest first: only their workers need be looked for. */
  seenBy(timeMs: number): number[] {
    const found: number[] = [];
    for (const [inode, sinceMs] of this.#sinceMs) {
      if (sinceMs > timeMs) break; // in the order in which they came
      found.push(inode);
    }
    return found;
  }
}

/**
 * What one worker was seen to hold. A TCP connection that its client has reset is in no table any more, although the
 * worker may go on with its request: it counts until the worker has closed it.
 */
export class Holdings {
  #held: ReadonlyMap<number, number> = new Map();

  /**
   * Looks at the worker.
   * @param sightings of its pool; without them a connection's age counts from the first look at its worker
   * @returns when each connection that it holds was first seen, by inode; null when we may not look
   */
  look(
    pid: number,
    accepted: ReadonlySet<number>,
    nowMs: number,
    sightings?: Sightings,
    family?: readonly number[],
  ): ReadonlyMap<number, number> | null {
    if (accepted.size + this.#held.size === 0) return this.#held;
    const sockets = socketsOf(family ?? descendants(pid));
    if (sockets === null) return null;
    const held = new Map<number, number>();
    for (const inode of sockets) {
      const since = this.#held.get(inode);
      if (since !== undefined) held.set(inode, since);
      else if (accepted.has(inode)) held.set(inode, sightings?.since(inode) ?? nowMs);
    }
    this.#held = held;
    return held;
  }
}
