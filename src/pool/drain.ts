/**
 * A generation whose listener gets no new connections: its queue is emptied, its workers are told when they are free,
 * and its listener is closed when nobody is left to serve or to be served.
 */
import type { PoolConfig } from '../config/types.ts';
import type { Worker } from '../worker/worker.ts';
import type { Draft } from './draft.ts';
import type { DrainSight, Observation } from './observation.ts';
import type { Listener } from './pool-listener.ts';
import { type Draining, type PoolState, spawningOf } from './pool-state.ts';
import { afterLook, isQuiet, startDrain } from './quiet.ts';

/** So often a worker comes back for a queue that refilled; then its command cannot do it. */
const MOST_RESCUES = 3;

/** A generation begins to drain. */
export function newDraining(
  generation: number,
  config: PoolConfig,
  listener: Listener,
  nowMs: number,
): Draining {
  return {
    generation,
    config,
    listener,
    memory: startDrain(nowMs),
    strays: new Set(),
    rescues: 0,
    isClosing: false,
    isAbandoned: false,
  };
}

/** Moves each of them on. */
export function moveDraining(draft: Draft, { drains, mayTimeOut }: Observation): void {
  for (const draining of draft.state.draining) {
    const sight = drains.get(draining.listener.number);
    if (sight !== undefined && !draining.isClosing) move(draft, draining, sight, mayTimeOut);
  }
}

/** The keeper has closed its listener. */
export function endDraining(draft: Draft, number: number): void {
  draft.set({ draining: draft.state.draining.filter(({ listener }) => listener.number !== number) });
}

function move(draft: Draft, before: Draining, sight: DrainSight, mayTimeOut: boolean): void {
  const { nowMs } = draft;
  const { load } = sight;
  const memory = afterLook(before.memory, load, nowMs);
  const draining = { ...before, memory };
  replace(draft, draining);
  const quiet = isQuiet(memory, load, nowMs);
  const { config, generation, listener, isAbandoned } = draining;
  const hasTime = !isAbandoned && nowMs - memory.sinceMs < config.processControlTimeoutMs;
  const workers = workersOn(draft.state, listener);
  if (workers.length > 0 || spawningOf(draft.state, generation) > 0) {
    if (quiet) tellFreeOnes(draft, draining, workers, sight);
    // Workers that came back for the queue have no more time than those before.
    if (!hasTime && (isAbandoned || mayTimeOut))
      for (const { pid } of workers) draft.happen(pid, { type: 'drainTimedOut' });
    return;
  }
  const mayRescue = !listener.isLost && draining.rescues < MOST_RESCUES;
  if (load !== null && load.waiting > 0 && hasTime && mayRescue) rescue(draft, draining);
  else if (quiet || !hasTime) {
    replace(draft, { ...draining, isClosing: true });
    draft.act({ type: 'unlisten', number: listener.number });
  }
}

/** Its queue has refilled after its workers left: a worker comes back. */
function rescue(draft: Draft, draining: Draining): void {
  const { state } = draft;
  const { generation, listener } = draining;
  // Of two programs that can take this socket, the newer one is known to work.
  const isAlike = state.config.listen.nonblock === draining.config.listen.nonblock;
  const config = isAlike ? state.config : draining.config;
  replace(draft, { ...draining, rescues: draining.rescues + 1 });
  const spawning = new Map(state.spawning).set(generation, spawningOf(state, generation) + 1);
  draft.set({ spawning });
  draft.act({ type: 'spawn', generation, config, listener, count: 1 });
}

/** Nothing new can come: workers without a request are told, whatever their program does then. */
function tellFreeOnes(draft: Draft, draining: Draining, workers: readonly Worker[], sight: DrainSight): void {
  const leaving = workers.filter(({ phase }) => phase === 'draining');
  if (sight.free === null) {
    // Who has what cannot be seen: a graceful program finishes it when it is told, another one keeps its time.
    const mayTell = (sight.load?.accepted ?? null) === null || draining.config.stopIsGraceful;
    if (mayTell) for (const { pid } of leaving) draft.leave(pid, 'stop', 'replaced');
    return;
  }
  // Of a connection that lasts and that no known process holds, any worker may be the owner. One that is seen but once
  // was being accepted by the serving generation, or has ended in between.
  const { strays: before } = draining;
  const isStray = [...sight.strays].some(inode => before.has(inode));
  const isNews = sight.strays.size > 0 && before.size === 0;
  replace(draft, { ...draining, strays: sight.strays });
  if (isStray || isNews) return;
  for (const { pid } of leaving) if (sight.free.has(pid)) draft.happen(pid, { type: 'freed' });
}

function workersOn({ workers }: PoolState, { inode }: Listener): Worker[] {
  return [...workers.values()].filter(({ listenerInode }) => listenerInode === inode);
}

function replace(draft: Draft, draining: Draining): void {
  const { number } = draining.listener;
  const others = draft.state.draining;
  draft.set({ draining: others.map(it => (it.listener.number === number ? draining : it)) });
}
