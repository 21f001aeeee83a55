/**
 * Everything that is known of a pool, as one value. `reconcile` makes the next one of it; nothing else changes it. What
 * the next supervisor has to know of it is its note (note.ts); what is only looked at is the observer's (observation/).
 */
import type { PoolConfig } from '../config/types.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { Counters } from '../observe/status.ts';
import { hasFailed, isStaying, type Worker } from '../worker/worker.ts';
import { HEALTHY, type Health, isHopeless } from './health.ts';
import type { Listener } from './pool-listener.ts';
import type { DrainMemory } from './quiet.ts';
import { type Memory, NEW_POOL } from './scaling/decide.ts';
import type { Reason } from './scaling/why.ts';
import { describeReason } from './scaling/why.ts';

/** What the pool is to be: `removed` is stopped for good. */
export type Desired = 'running' | 'stopped' | 'removed';

export interface PoolState {
  readonly desired: Desired;
  /** A reload is adding it: should the supervisor die before it has come up, it is given up. */
  readonly isOnTrial: boolean;
  /** The stop does not wait for requests. */
  readonly stopsNow: boolean;
  /** Of the serving generation. */
  readonly config: PoolConfig;
  /** The number of the generation that serves. */
  readonly generation: number;
  /** The highest numbers that were given to a generation and to a listener. */
  readonly lastGeneration: number;
  readonly lastListener: number;
  /** Whether its listener is there, or none is needed. Without it no worker can be started. */
  readonly listening: 'no' | 'opening' | 'open' | 'closing';
  /** It continues what an earlier supervisor left, and its listener is not there yet. */
  readonly isRestored: boolean;
  /** The number of the listener that is being opened; null: none. */
  readonly opening: number | null;
  /** It is open and about to take the place of one that is lost; null: none is. */
  readonly replacement: Listener | null;
  /** Of the serving generation; null: none. */
  readonly listener: Listener | null;
  /** Why it could not be opened; null: it could. `code` is the system error's name where it was one. */
  readonly openFailure: { readonly message: string; readonly code: string | null } | null;
  /** Why it is not even tried: what its settings need is not there. Until a start or a reload; null: nothing is known. */
  readonly obstacle: string | null;
  /** Generations that serve no more, and their listeners. */
  readonly draining: readonly Draining[];
  readonly rollout: Rollout | null;
  /** How the last rollout ended; null: there was none. */
  readonly lastRollout: RolloutResult | null;
  /** A rollout that nobody asked for does not begin before this. */
  readonly noRolloutBeforeMs: number;
  readonly workers: ReadonlyMap<number, Worker>;
  /** By generation: workers that were asked for, and not yet answered. */
  readonly spawning: ReadonlyMap<number, number>;
  /** What `scale` said; null: the configuration's rule holds. */
  readonly scaledTo: number | null;
  /** It is paused and keeps so many workers, whatever its load is; null: it is not. */
  readonly pausedAt: number | null;
  /** Since it was started, all its workers were ready at some time. */
  readonly hasBeenWhole: boolean;
  readonly health: Health;
  /** When a worker last ended with 0 after it had served: it is replaced, and nothing is wrong. */
  readonly recycledAtMs: number;
  readonly scaling: Memory;
  /** What kept the last decision from giving the pool what it calls for. */
  readonly heldBackBy: readonly Reason[];
  /** The last decision had nothing to do and nothing to wait for. */
  readonly isContent: boolean;
  readonly isMemoryShortReported: boolean;
  readonly retiring: Retiring;
  readonly counters: PastCounters;
  /** By connection: what was reported of its request. */
  readonly reported: ReadonlyMap<number, ReportedRequest>;
}

/** A generation that serves no more: its listener gets no new connections, its queue is emptied (drain.ts). */
export interface Draining {
  readonly generation: number;
  /** What its workers were started with. */
  readonly config: PoolConfig;
  readonly listener: Listener;
  readonly memory: DrainMemory;
  /** Connections that nobody was seen with at the last look. */
  readonly strays: ReadonlySet<number>;
  /** How often a worker came back for its queue. */
  readonly rescues: number;
  readonly isClosing: boolean;
  /** Clients that wait are given up: no worker comes back for them. */
  readonly isAbandoned: boolean;
}

/** A new generation that comes up beside the serving one (rollout.ts). */
export interface Rollout {
  /**
   * `waiting` until the last generation before the serving one is empty; `filling` from when it has a listener;
   * `publishing` from when all of it is ready: there is no way back then, unless its listener cannot be published.
   */
  readonly phase: 'waiting' | 'opening' | 'filling' | 'publishing';
  /** Its number, from when it begins. */
  readonly generation: number;
  /** null: nobody asked for it, and it takes the settings that the pool has when it begins. */
  readonly wish: PoolConfig | null;
  readonly config: PoolConfig;
  readonly listener: Listener | null;
  /** How many workers it is to have before it serves. */
  readonly size: number;
  /** What `scale` said, where it outlives the rollout because nobody asked for one. */
  readonly scaledTo: number | null;
  /** How many workers the serving generation had. */
  readonly servingBefore: number;
  /** How many workers of it were asked for. One that dies is not replaced: it cancels the rollout. */
  readonly requested: number;
  /** Where there is no room for both, the serving generation may have so many; null: there is room. */
  readonly servingLimit: number | null;
}

export type RolloutResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** What is under way with workers that are to leave (retire.ts). */
export interface Retiring {
  /** Workers that are to be replaced for age or memory, and serve until then. */
  readonly outgoing: ReadonlyMap<number, Outgoing>;
  /** Workers that are frozen at this moment, to be looked at. */
  readonly frozen: ReadonlySet<number>;
  /** When those that were busy are tried again. */
  readonly attempts: ReadonlyMap<number, Attempt>;
  /** Some have to leave, and since then none has; null: none has to. */
  readonly stuck: { readonly sinceMs: number; readonly present: number } | null;
}

export interface Outgoing {
  readonly reason: LeaveReason;
  /** When its place was given to another one. */
  readonly sinceMs: number;
  /** When it was first to leave; null: its successor is not there yet. */
  readonly triedSinceMs: number | null;
}

export interface Attempt {
  readonly notBeforeMs: number;
  readonly pauseMs: number;
}

export interface ReportedRequest {
  readonly isSlow: boolean;
  readonly isDrained: boolean;
}

/** `exited` and `crashed` of workers that the keeper has forgotten: those that it knows still count as they are. */
export type PastCounters = Pick<
  Counters,
  'exited' | 'crashed' | 'reloads' | 'max_children_reached' | 'slow_requests'
>;

const NOTHING_RETIRES: Retiring = {
  outgoing: new Map(),
  frozen: new Set(),
  attempts: new Map(),
  stuck: null,
};

/** A pool that has not been started. */
export function newPool(config: PoolConfig): PoolState {
  return {
    desired: 'stopped',
    isOnTrial: false,
    stopsNow: false,
    config,
    generation: 0,
    lastGeneration: 0,
    lastListener: 0,
    listening: 'no',
    isRestored: false,
    opening: null,
    replacement: null,
    listener: null,
    openFailure: null,
    obstacle: null,
    draining: [],
    rollout: null,
    lastRollout: null,
    noRolloutBeforeMs: 0,
    workers: new Map(),
    spawning: new Map(),
    scaledTo: null,
    pausedAt: null,
    hasBeenWhole: false,
    health: HEALTHY,
    recycledAtMs: Number.NEGATIVE_INFINITY,
    scaling: NEW_POOL,
    heldBackBy: [],
    isContent: false,
    isMemoryShortReported: false,
    retiring: NOTHING_RETIRES,
    counters: { exited: 0, crashed: 0, reloads: 0, max_children_reached: 0, slow_requests: 0 },
    reported: new Map(),
  };
}

export function isWanted({ desired }: PoolState): boolean {
  return desired === 'running';
}

/** Workers of a generation that serve or will. */
export function stayingOf({ workers }: PoolState, generation: number): Worker[] {
  const staying: Worker[] = [];
  for (const worker of workers.values())
    if (worker.generation === generation && isStaying(worker)) staying.push(worker);
  return staying;
}

export function readyOf({ workers }: PoolState, generation: number): Worker[] {
  const ready: Worker[] = [];
  for (const worker of workers.values())
    if (worker.generation === generation && worker.phase === 'ready') ready.push(worker);
  return ready;
}

/** Workers of a generation that were asked for, and are not there yet. */
export function spawningOf({ spawning }: PoolState, generation: number): number {
  return spawning.get(generation) ?? 0;
}

/** Processes that there are or are about to be. */
export function countOf({ workers, spawning }: PoolState): number {
  let count = workers.size;
  for (const each of spawning.values()) count += each;
  return count;
}

/** The serving generation: those that are ready, and those on their way in. */
export function presenceOf(state: PoolState): { readonly ready: number; readonly starting: number } {
  let ready = 0;
  let starting = spawningOf(state, state.generation);
  for (const { generation, phase } of state.workers.values()) {
    if (generation !== state.generation) continue;
    if (phase === 'ready') ready++;
    else if (phase === 'starting') starting++;
  }
  return { ready, starting };
}

/**
 * The size that `pause` or `scale` has given it; null: neither. A reload ends what `scale` said and may lower
 * max_children, above which nothing is kept then.
 */
export function heldSize({ config, pausedAt, scaledTo }: SizedPool): number | null {
  if (pausedAt === null) return scaledTo;
  return Math.min(pausedAt, Math.max(config.pm.maxChildren, scaledTo ?? 0));
}

type SizedPool = Pick<PoolState, 'config' | 'pausedAt' | 'scaledTo'>;

/** How many workers it needs to be called whole. */
export function sizeOf(state: SizedPool & Pick<PoolState, 'hasBeenWhole'>): number {
  const { config, hasBeenWhole } = state;
  const { mode, maxChildren, startServers, minSpareServers } = config.pm;
  const held = heldSize(state);
  if (held !== null) return held;
  if (mode === 'static') return maxChildren;
  if (mode === 'ondemand') return 0;
  return (hasBeenWhole ? minSpareServers : startServers) ?? 1;
}

/** It is to run, and is not even tried. */
export function isObstructed(state: PoolState): boolean {
  return isWanted(state) && state.obstacle !== null;
}

/** It is obstructed, or starting workers has failed again and again, whether others serve or not. */
export function hasGivenUp(state: PoolState): boolean {
  return isWanted(state) && (state.obstacle !== null || isHopeless(state.health));
}

/** Why it has given up. */
export function failureOf({ obstacle, health }: PoolState): string {
  return obstacle ?? health.lastFailure;
}

/** It has given up, and nobody serves. */
export function isFailed(state: PoolState): boolean {
  return hasGivenUp(state) && presenceOf(state).ready === 0;
}

/** It was started, and whether all its workers come up is not known yet. */
export function isComingUp(state: PoolState): boolean {
  return isWanted(state) && !state.hasBeenWhole && !hasGivenUp(state);
}

/** Nothing runs and nothing listens. */
export function isClosed(state: PoolState): boolean {
  return !isWanted(state) && state.listening === 'no' && isEmpty(state);
}

/** No worker is left, and no generation that drains. */
export function isEmpty(state: PoolState): boolean {
  return state.draining.length === 0 && countOf(state) === 0;
}

/** Another program's listener is the serving generation's. */
export function isTaking({ listener }: PoolState): boolean {
  return listener?.isForeign === true;
}

/** Whether that listener gets no new connections. */
export function isClosing({ draining }: PoolState, listenerInode: number | null): boolean {
  return draining.some(({ listener }) => listener.inode === listenerInode);
}

/** All its listeners: the serving generation's first. */
export function listenersOf({ listener, draining }: PoolState): Listener[] {
  const drained = draining.map(it => it.listener);
  return listener === null ? drained : [listener, ...drained];
}

/** Of all workers that the pool has had. */
export function countersOf({ workers, counters }: PoolState): Counters {
  let exited = 0;
  let crashed = 0;
  for (const worker of workers.values()) {
    if (worker.exit !== null) exited++;
    if (hasFailed(worker)) crashed++;
  }
  return {
    ...counters,
    spawned: counters.exited + workers.size,
    exited: counters.exited + exited,
    crashed: counters.crashed + crashed,
  };
}

/** What keeps it from having the workers that it calls for, in words; empty: nothing. */
export function heldBackText({ heldBackBy }: PoolState): string {
  return heldBackBy.map(describeReason).join('; ');
}

/** The generation that a reload is bringing up; null: none. */
export function comingOf(
  state: PoolState,
): { readonly generation: number; readonly ready: number; readonly size: number } | null {
  const { rollout } = state;
  if (rollout === null || rollout.phase === 'waiting') return null;
  const { generation, size } = rollout;
  return { generation, ready: readyOf(state, generation).length, size };
}
