/**
 * When a listener that gets no new connections is quiet: nothing waits and nothing is on its way. Pure:
 * looks and time come in, the memory goes out.
 */
import type { ListenerLoad } from '../observe/sockets.ts';

/**
 * A connection passes from the queue to a worker while the tables are read, and may be in neither: only a second
 * empty look, so much later, is sure.
 */
export const SECOND_LOOK_MS = 100;
/** Where the tables cannot be read: time for whoever was on the way to be accepted. */
const UNSEEN_QUIET_MS = 1000;

export interface DrainMemory {
  readonly sinceMs: number;
  /** Of the first of the empty looks in a row; null: the last look was not empty. */
  readonly emptySinceMs: number | null;
  /** Handshakes that were half open at the first look: they end in the old queue. Those that come later do not. */
  readonly halfOpen: ReadonlySet<string> | null;
}

export function startDrain(nowMs: number): DrainMemory {
  return { sinceMs: nowMs, emptySinceMs: null, halfOpen: null };
}

/** @param load null: the tables cannot be read */
export function afterLook(memory: DrainMemory, load: ListenerLoad | null, nowMs: number): DrainMemory {
  if (load === null) return memory;
  const before = memory.halfOpen ?? load.halfOpen;
  const halfOpen = new Set([...before].filter(client => load.halfOpen.has(client)));
  const isEmpty = load.waiting === 0 && halfOpen.size === 0;
  return { ...memory, emptySinceMs: isEmpty ? (memory.emptySinceMs ?? nowMs) : null, halfOpen };
}

/** Whether nothing can come any more from that listener. */
export function isQuiet(memory: DrainMemory, load: ListenerLoad | null, nowMs: number): boolean {
  if (load === null) return nowMs - memory.sinceMs >= UNSEEN_QUIET_MS;
  return memory.emptySinceMs !== null && nowMs - memory.emptySinceMs >= SECOND_LOOK_MS;
}
