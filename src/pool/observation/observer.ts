/**
 * Looks at the kernel for a pool, turn by turn, and remembers what earlier looks have shown. It looks at what the state
 * calls for and no more: the rows of connections cost ten times what a queue does, and a look into a worker as much.
 */
import type { PoolConfig } from '../../config/types.ts';
import type { ListenerLoad, Watched } from '../../observe/sockets.ts';
import type { LookBudget } from '../../os/look-budget.ts';
import { AcceptCounts } from '../../worker/accept-counts.ts';
import { hasArrived } from '../../worker/arrival.ts';
import { listenerDescriptor } from '../../worker/command.ts';
import type { Kernel } from '../../worker/kernel.ts';
import { isLookDue, isPassing, isStartTimeUp, type Worker } from '../../worker/worker.ts';
import type { News, Observation, WorkerSights } from '../observation.ts';
import { heldSize, isWanted, listenersOf, type PoolState, readyOf } from '../pool-state.ts';
import type { Sight } from '../scaling/goal.ts';
import { DrainLook } from './drain-look.ts';
import { ExitLook } from './exit-look.ts';
import { LoadMeter } from './load-meter.ts';
import { MemoryWatch } from './memory-watch.ts';
import { RequestWatch } from './request-watch.ts';

/** What the kernel said, by the inodes of listeners. */
export type Looks = ReadonlyMap<number, ListenerLoad>;

/** How often connections are read of a pool where nobody waits. */
const QUIET_LOOK_MS = 500;
/** Turns come ten times a second. When none came for so long we were stopped, or another supervisor was here. */
const AWAY_MS = 1000;
/** Workers whose time was over by then may be free: so long is for looking, which takes two looks. */
const LOOK_FIRST_MS = 500;
const NOTHING: readonly Watched[] = [];

export class Observer {
  readonly meter = new LoadMeter();
  readonly #acceptCounts = new AcceptCounts();
  readonly #requests = new RequestWatch();
  readonly #kernel: Kernel;
  readonly #budget: LookBudget;
  readonly #memory: MemoryWatch;
  readonly #drains: DrainLook;
  readonly #exits: ExitLook;
  #watched: readonly Watched[] = NOTHING;
  /** A client knocked at a sleeping pool, and was not seen yet. */
  #isKnocked = false;
  /** A client was served that no look has seen. */
  #hasServed = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isBackSinceMs = Number.NEGATIVE_INFINITY;

  /** @param budget of the kernel's looks into workers, for the others */
  constructor(kernel: Kernel, budget: LookBudget) {
    this.#kernel = kernel;
    this.#budget = budget;
    this.#memory = new MemoryWatch(kernel);
    this.#drains = new DrainLook(kernel);
    this.#exits = new ExitLook(kernel);
  }

  /** What the next look at the kernel's tables should tell about. */
  watched(state: PoolState, news: readonly News[], nowMs: number): readonly Watched[] {
    const withConnections =
      this.#requests.isLookDue(state.config, nowMs) ||
      this.#isKnocked ||
      this.meter.hasQueue ||
      news.some(({ type }) => type === 'knocked' || type === 'exited') ||
      isMoving(state, nowMs) ||
      this.#areConnectionsDue(nowMs);
    this.#watched = listenersOf(state).map(({ inode }) => ({ inode, withConnections }));
    return this.#watched;
  }

  /**
   * A look at a pool where nobody was at the last look, and nothing has happened since: all that most pools of a shared
   * host ever need.
   * @returns whether nobody is there; otherwise `observe` looks at what there is
   */
  isDeserted({ listener }: PoolState, looks: Looks, nowMs: number): boolean {
    const load = listener === null ? undefined : looks.get(listener.inode);
    if (load === undefined || load.waiting > 0 || load.accepted === null || load.accepted.size > 0)
      return false;
    this.meter.noteNobody(load, nowMs);
    this.#lookedAtMs = nowMs;
    return true;
  }

  observe(
    state: PoolState,
    news: readonly News[],
    looks: Looks,
    isBlind: boolean,
    nowMs: number,
  ): Observation {
    const queueFull = isBlind ? null : this.#lookAtLoad(state, news, looks, nowMs);
    const { accepted } = this.meter;
    const isBehind = this.meter.hasQueue && this.meter.isStale;
    const seen: Observation = {
      nowMs,
      news,
      isBlind,
      exits: this.#exits.look(state, news, this.meter.movedAtMs, nowMs),
      mayTimeOut: !isBlind && this.#mayTimeOut(nowMs),
      workers: isBlind ? NO_WORKERS : lookAtWorkers(this.#kernel, state, accepted, nowMs),
      load: isYetToListen(state) ? NOBODY : this.load,
      accepted,
      isBehind,
      queueFull,
      drains: isBlind ? new Map() : this.#drains.look(state, looks, nowMs),
      longRequests: isBlind ? null : this.#lookAtRequests(state, looks, nowMs),
      memoryBytes: isBlind ? new Map() : this.#lookAtMemory(state, nowMs),
    };
    if (!isBehind) this.#isKnocked = false;
    return seen;
  }

  /** What is known for a decision; null: nothing can be seen. */
  get load(): Sight['load'] {
    const { counts } = this.meter;
    if (this.#hasServed) return { accepted: 1, waiting: 0 };
    // The client that knocked may not have been looked at yet, or the tables cannot be read.
    return this.#isKnocked
      ? { accepted: counts?.accepted ?? 0, waiting: Math.max(1, counts?.waiting ?? 0) }
      : counts;
  }

  /** All pools are due in the same turn: one read of the tables serves them all. */
  #areConnectionsDue(nowMs: number): boolean {
    return Math.floor(nowMs / QUIET_LOOK_MS) !== Math.floor(this.meter.connectionsAtMs / QUIET_LOOK_MS);
  }

  /** @returns the queue, when it has just become full */
  #lookAtLoad(
    state: PoolState,
    news: readonly News[],
    looks: Looks,
    nowMs: number,
  ): Observation['queueFull'] {
    const { listener, config } = state;
    // On demand without workers, a knock counts as a client that waits. Others have workers that were there for it.
    if (news.some(it => it.type === 'knocked' && it.number === listener?.number) && state.workers.size === 0)
      this.#isKnocked = true;
    const inode = listener?.inode ?? null;
    const load = inode === null ? null : (looks.get(inode) ?? null);
    if (load === null && inode !== null && !this.#watched.some(it => it.inode === inode)) return null;
    const isFull = load !== null && this.meter.becameFull(load);
    const ready = readyOf(state, state.generation).map(({ pid }) => pid);
    this.meter.note(load, ready.length, config.pm.workerConcurrency, nowMs);
    // One that is frozen for a look was woken up by that.
    const undisturbed = ready.filter(pid => !state.retiring.frozen.has(pid));
    this.#hasServed = this.#haveServedUnseen(state, undisturbed, nowMs);
    return isFull ? { waiting: load.waiting, limit: load.limit ?? 0 } : null;
  }

  /** On demand, where nobody is seen, a client may have been served all the same. Spare workers would not go for that. */
  #haveServedUnseen(state: PoolState, ready: readonly number[], nowMs: number): boolean {
    const { pm, listen } = state.config;
    const { counts } = this.meter;
    const isNobodySeen = counts !== null && counts.accepted + counts.waiting === 0;
    if (pm.mode !== 'ondemand' || heldSize(state) !== null || !isNobodySeen) return false;
    return this.#acceptCounts.haveServed(
      ready,
      listenerDescriptor({ listen }),
      nowMs,
      pm.processIdleTimeoutMs,
      this.#budget,
    );
  }

  #mayTimeOut(nowMs: number): boolean {
    if (nowMs - this.#lookedAtMs > AWAY_MS) this.#isBackSinceMs = nowMs;
    this.#lookedAtMs = nowMs;
    return nowMs - this.#isBackSinceMs >= LOOK_FIRST_MS;
  }

  #lookAtRequests(state: PoolState, looks: Looks, nowMs: number): Observation['longRequests'] {
    if (!this.#requests.isLookDue(state.config, nowMs)) return null;
    const accepted = acceptedOnAll(state, looks);
    if (accepted === null) return null;
    const workers = [...state.workers.values()].filter(
      ({ phase }) => phase !== 'killed' && phase !== 'leaving',
    );
    const pids = workers.map(({ pid }) => pid);
    return this.#requests.look(state.config, accepted, pids, this.#budget, nowMs);
  }

  #lookAtMemory(state: PoolState, nowMs: number): ReadonlyMap<number, number> {
    const { maxMemoryBytes } = state.config.pm;
    if (maxMemoryBytes === 0 || !isWanted(state)) return NO_MEMORY;
    const pids = readyOf(state, state.generation).map(({ pid }) => pid);
    this.#memory.turn(pids, maxMemoryBytes, nowMs);
    return this.#memory.measured;
  }
}

const NOBODY = { accepted: 0, waiting: 0 };

/** Its listener is being opened, so nobody can have come yet. */
function isYetToListen({ listener, config }: PoolState): boolean {
  return listener === null && config.listen.address.type !== 'none';
}

const NO_MEMORY: ReadonlyMap<number, number> = new Map();
const NO_WORKERS: WorkerSights = { lookedAt: new Set(), arrived: new Set(), deaf: new Set() };

/** Workers come or go: what they serve is looked at in each turn. */
export function isMoving(state: PoolState, nowMs: number): boolean {
  return state.rollout !== null || state.draining.length > 0 || isHurried(state, nowMs);
}

/** There is something to look at soon: a worker on its way in or out. */
export function isHurried({ workers }: PoolState, nowMs: number): boolean {
  for (const worker of workers.values()) if (isPassing(worker, nowMs)) return true;
  return false;
}

function lookAtWorkers(
  kernel: Kernel,
  { workers, config }: PoolState,
  accepted: ReadonlySet<number> | null,
  nowMs: number,
): WorkerSights {
  const lookedAt = new Set<number>();
  const arrived = new Set<number>();
  const deaf = new Set<number>();
  for (const worker of workers.values()) {
    if (!isLookDue(worker, nowMs) && !isStartTimeUp(worker, config, nowMs)) continue;
    const { pid } = worker;
    const pool = worker.startedWith ?? config;
    lookedAt.add(pid);
    if (worker.phase !== 'starting') {
      if (sleepsInAccept(kernel, worker, pool)) deaf.add(pid);
    } else if (hasArrived(kernel, worker, pool, accepted, nowMs)) arrived.add(pid);
  }
  return { lookedAt, arrived, deaf };
}

function sleepsInAccept(kernel: Kernel, { pid }: Worker, pool: PoolConfig): boolean {
  return pool.listen.address.type !== 'none' && kernel.acceptsOn(pid, listenerDescriptor(pool));
}

/** The accepted connections of all listeners; null: one was not looked at for them. */
function acceptedOnAll(state: PoolState, looks: Looks): ReadonlySet<number> | null {
  const sets = listenersOf(state).map(({ inode }) => looks.get(inode)?.accepted ?? null);
  const [one = null] = sets;
  if (sets.length < 2) return one;
  const all = new Set<number>();
  for (const accepted of sets) {
    if (accepted === null) return null;
    for (const inode of accepted) all.add(inode);
  }
  return all;
}
