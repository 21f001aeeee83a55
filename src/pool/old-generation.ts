/**
 * A generation whose listener gets no new connections: its queue is emptied, its workers are told when they are free,
 * and its listener is closed when nobody is left to serve or to be served (DESIGN D3).
 */
import type { PoolConfig } from '../config/types.ts';
import { connectionsOf } from '../observe/families.ts';
import { type ListenerLoad, lookAtSockets } from '../observe/sockets.ts';
import { isRunnable } from '../os/proc.ts';
import { isHeldByOthers } from '../worker/freeze.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Crew } from './crew.ts';
import { afterLook, type DrainMemory, isQuiet, startDrain } from './drain.ts';
import type { Generation } from './generation.ts';
import type { PoolListener } from './pool-listener.ts';

/** So often a worker comes back for a queue that refilled; then its command cannot do it. */
const MOST_RESCUES = 3;
/** How long a program that never sleeps is waited for. */
const RUNNABLE_PATIENCE_MS = 2000;

export class OldGeneration {
  readonly generation: Generation;
  readonly listener: PoolListener;
  /** Its listener is closed and nothing is left. */
  isGone = false;
  #drain: DrainMemory;
  #strays: ReadonlySet<number> = new Set();
  #rescues = 0;
  #isClosing = false;
  #isAbandoned = false;

  constructor(generation: Generation, listener: PoolListener, nowMs: number) {
    this.generation = generation;
    this.listener = listener;
    this.#drain = startDrain(nowMs);
  }

  /** Whoever waits is given up: no worker comes back for them. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /**
   * @param load of its listener; null: the kernel's tables cannot be read
   * @param serving what the pool has by now
   */
  turn(load: ListenerLoad | null, crew: Crew, serving: PoolConfig, nowMs: number, onGone: () => void): void {
    this.#drain = afterLook(this.#drain, load, nowMs);
    const isQuietNow = isQuiet(this.#drain, load, nowMs);
    const { config, number } = this.generation;
    const hasTime = !this.#isAbandoned && nowMs - this.#drain.sinceMs < config.processControlTimeoutMs;
    const workers = this.#workers(crew);
    if (workers.length > 0 || crew.spawning(number) > 0) {
      if (isQuietNow) this.#sendFreeOnes(load?.accepted ?? null, crew, nowMs);
      // Whoever came back for the queue has no more time than those before.
      if (!hasTime && (this.#isAbandoned || crew.mayTimeOut))
        for (const worker of workers) crew.happen(worker, { type: 'drainTimedOut' }, config);
      return;
    }
    if (load !== null && load.waiting > 0 && hasTime && this.#mayRescue) {
      this.#rescues++;
      crew.spawn({ ...this.generation, config: this.#rescuer(serving) });
    } else if ((isQuietNow || !hasTime) && !this.#isClosing) {
      this.#isClosing = true;
      void this.#close(onGone);
    }
  }

  get #mayRescue(): boolean {
    return !this.listener.isLost && this.#rescues < MOST_RESCUES;
  }

  /** Of two programs that can take this socket, the newer one is known to work. */
  #rescuer(serving: PoolConfig): PoolConfig {
    const { config } = this.generation;
    return serving.listen.nonblock === config.listen.nonblock ? serving : config;
  }

  async #close(onGone: () => void): Promise<void> {
    await this.listener.close().catch(() => {}); // the keeper does not have it any more
    this.isGone = true;
    onGone();
  }

  #workers(crew: Crew): WorkerHandle[] {
    return [...crew.workers.values()].filter(it => it.listenerInode === this.listener.inode);
  }

  /** Nothing new can come: whoever has nothing in hand is told, whatever its program does then. */
  #sendFreeOnes(accepted: ReadonlySet<number> | null, crew: Crew, nowMs: number): void {
    const { config } = this.generation;
    const leaving = this.#workers(crew).filter(it => it.phase === 'draining');
    const holdings = accepted === null ? null : holdingsOf(crew, accepted);
    if (accepted === null || holdings === null) {
      // Who has what cannot be seen: a graceful program finishes it when it is told, another one keeps its time.
      if (accepted === null || config.stopIsGraceful)
        for (const worker of leaving) crew.happen(worker, { type: 'stop', reason: 'replaced' }, config);
      return;
    }
    const { found, busy } = holdings;
    // Of a connection that lasts and that nobody known holds, anybody may be the owner. One that is seen but once
    // was being accepted by the serving generation, or has ended meanwhile.
    const strays = new Set([...accepted].filter(inode => !found.has(inode)));
    const isStray = [...strays].some(inode => this.#strays.has(inode));
    const isNews = strays.size > 0 && this.#strays.size === 0;
    this.#strays = strays;
    if (isStray || isNews) return;
    const free = leaving.filter(({ pid }) => !busy.has(pid) && !isHeldByOthers(pid));
    for (const worker of this.#surelyFree(free, nowMs)) crew.happen(worker, { type: 'freed' }, config);
  }

  /**
   * On a machine with more to do than it can, a worker may be accepting since before the tables were read, and its
   * connection stands in none of them. Who sleeps is not, and has what another look shows.
   */
  #surelyFree(free: readonly WorkerHandle[], nowMs: number): readonly WorkerHandle[] {
    const { emptySinceMs } = this.#drain;
    const isPatient = emptySinceMs === null || nowMs - emptySinceMs < RUNNABLE_PATIENCE_MS;
    const asleep = isPatient ? free.filter(({ pid }) => !isRunnable(pid)) : free;
    if (asleep.length === 0) return asleep;
    const { inode } = this.listener;
    const accepted = lookAtSockets([{ inode, withConnections: true }]).get(inode)?.accepted ?? null;
    if (accepted === null || accepted.size === 0) return asleep;
    // Where we may not look into a worker, the first look has shown that nobody has any connection.
    return asleep.filter(({ pid }) => (connectionsOf(pid, accepted) ?? []).length === 0);
  }
}

/** Who of the pool's workers has any of these connections; null: somebody cannot be looked at. */
function holdingsOf(
  crew: Crew,
  accepted: ReadonlySet<number>,
): { readonly found: ReadonlySet<number>; readonly busy: ReadonlySet<number> } | null {
  const found = new Set<number>();
  const busy = new Set<number>();
  if (accepted.size === 0) return { found, busy };
  for (const { pid } of crew.workers.values()) {
    const held = connectionsOf(pid, accepted);
    if (held === null) return null;
    for (const inode of held) found.add(inode);
    if (held.length > 0) busy.add(pid);
  }
  return { found, busy };
}
