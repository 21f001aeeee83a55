/** Looks at generations that drain: whose queue is empty, and which of their workers have nothing in flight. */
import type { ListenerLoad } from '../../observe/sockets.ts';
import type { Kernel } from '../../worker/kernel.ts';
import type { Worker } from '../../worker/worker.ts';
import type { DrainSight } from '../observation.ts';
import type { Draining, PoolState } from '../pool-state.ts';
import { afterLook, isQuiet } from '../quiet.ts';

/** How long a program that never sleeps is waited for. */
const RUNNABLE_PATIENCE_MS = 2000;

/** So soon comes the next look at a worker that is to leave. */
const TURN_MS = 25;

const NONE: ReadonlySet<number> = new Set();

export class DrainLook {
  readonly #kernel: Kernel;
  /**
   * Workers that had nothing at the last look and slept after it. On a machine with more to do than it can, a worker
   * may be accepting since before the tables were read, and its connection is in none of them; one that sleeps is not,
   * and the next look shows what it has.
   */
  #asleep: ReadonlySet<number> = NONE;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** @returns by the number of the listener */
  look(
    state: PoolState,
    looks: ReadonlyMap<number, ListenerLoad>,
    nowMs: number,
  ): ReadonlyMap<number, DrainSight> {
    const sights = new Map<number, DrainSight>();
    const before = this.#asleep;
    const asleep = new Set<number>();
    for (const draining of state.draining) {
      if (draining.isClosing) continue;
      const load = looks.get(draining.listener.inode) ?? null;
      const { idle, ...sight } = lookAt(this.#kernel, state, draining, load, nowMs);
      const free = idle === null ? null : new Set([...idle].filter(pid => before.has(pid)));
      sights.set(draining.listener.number, { ...sight, free });
      for (const pid of idle ?? NONE) if (mayBeFree(this.#kernel, pid, draining, nowMs)) asleep.add(pid);
    }
    this.#asleep = asleep;
    return sights;
  }
}

function mayBeFree(
  kernel: Kernel,
  pid: number,
  { memory: { emptySinceMs } }: Draining,
  nowMs: number,
): boolean {
  const isPatient = emptySinceMs === null || nowMs - emptySinceMs < RUNNABLE_PATIENCE_MS;
  return !isPatient || !kernel.isRunnable(pid);
}

/** `idle`: those of its workers that are to leave and have no connection; null: it cannot be told who has. */
function lookAt(
  kernel: Kernel,
  { workers }: PoolState,
  { memory, listener }: Draining,
  load: ListenerLoad | null,
  nowMs: number,
): Omit<DrainSight, 'free'> & { readonly idle: ReadonlySet<number> | null } {
  const after = afterLook(memory, load, nowMs);
  const leaving = [...workers.values()].filter(
    ({ listenerInode, phase }) => listenerInode === listener.inode && phase === 'draining',
  );
  const accepted = load?.accepted ?? null;
  // No worker is told before the listener is quiet; the look before that is the first of the two that it takes.
  if (leaving.length === 0 || accepted === null || !isQuiet(after, load, nowMs + TURN_MS))
    return { load, idle: null, strays: NONE };
  const held = holdings(kernel, workers.values(), accepted);
  if (held === null) return { load, idle: null, strays: NONE };
  const idle = leaving
    .map(({ pid }) => pid)
    .filter(pid => !held.busy.has(pid) && !kernel.isHeldByOthers(pid));
  const strays = new Set([...accepted].filter(inode => !held.found.has(inode)));
  return { load, idle: new Set(idle), strays };
}

/** Which of the pool's workers have any of these connections; null: one of them cannot be looked at. */
function holdings(
  kernel: Kernel,
  workers: Iterable<Worker>,
  accepted: ReadonlySet<number>,
): { readonly found: ReadonlySet<number>; readonly busy: ReadonlySet<number> } | null {
  if (accepted.size === 0) return { found: NONE, busy: NONE };
  const found = new Set<number>();
  const busy = new Set<number>();
  for (const { pid } of workers) {
    const held = kernel.connectionsOf(pid, accepted);
    if (held === null) return null;
    for (const inode of held) found.add(inode);
    if (held.length > 0) busy.add(pid);
  }
  return { found, busy };
}
