/**
 * Which worker holds which accepted connection, and since when. A worker is a family: the process that we
 * started and all that it started. A connection that is found with nobody (io_uring, a process that we may not look
 * into) is still in its listener's count, so its pool is busy.
 */
import type { LookBudget } from '../os/look-budget.ts';
import { descendants, openSockets } from '../os/proc.ts';

/**
 * The connections that a worker holds.
 * @param accepted the connections that its listener has accepted
 * @returns their inodes; null when we may not look into one of its processes, or not all of it can be looked at
 */
export function connectionsOf(
  pid: number,
  accepted: ReadonlySet<number>,
  budget?: LookBudget,
): number[] | null {
  if (accepted.size === 0) return [];
  const held = new Set<number>(); // children share what they inherited
  const family = descendants(pid, budget);
  if (family === null) return null;
  for (const member of family) {
    const open = openSockets(member, budget);
    if (open === null) return null;
    for (const inode of open) if (accepted.has(inode)) held.add(inode);
  }
  return [...held];
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
}
