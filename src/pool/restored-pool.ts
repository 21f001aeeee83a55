/**
 * The state of a pool after the death of a supervisor or a keeper, from what is left of it. What had begun is finished
 * or sent away: `reconcile` does that, as in any other turn.
 */
import type { ListenerState, WorkerState } from '../keeper/protocol.ts';
import { restoreWorker } from '../worker/worker.ts';
import type { Action } from './action.ts';
import { newDraining } from './drain.ts';
import { heldListener, isSameAddress, type Listener } from './pool-listener.ts';
import type { PoolNote } from './pool-note.ts';
import { newPool, type PoolState } from './pool-state.ts';

export interface Restored {
  readonly state: PoolState;
  /** What is to be done first, in order. */
  readonly actions: readonly Action[];
}

/**
 * A listener that is lost to us is emptied by the workers that have it, beside a new one that takes its place.
 * @param held listeners of the pool that the keeper holds
 * @throws {Error} when a worker's tag is damaged
 */
export function restorePool(
  note: PoolNote,
  workers: readonly WorkerState[],
  held: readonly ListenerState[],
  nowMs: number,
): Restored {
  const { config, generation } = note;
  const { obstacle } = note;
  const isTried = note.desired === 'running' && obstacle === null;
  const hasToListen = isTried && config.listen.address.type !== 'none';
  const known = held.map(heldListener);
  const serving = known.find(({ number }) => number === note.listener) ?? null;
  const opening = hasToListen ? numberToOpen(note.listener, serving, known) : null;
  const older = known.filter(({ number }) => number < note.listener);
  const generations = workers.map(({ tag }) => Number(tag.generation));
  return {
    state: {
      ...newPool(config),
      desired: note.desired,
      generation,
      lastGeneration: Math.max(generation, ...generations),
      lastListener: Math.max(note.listener, opening ?? 0, ...known.map(({ number }) => number)),
      obstacle,
      listening: hasToListen ? 'opening' : obstacle === null ? 'open' : 'no',
      isRestored: hasToListen,
      opening,
      listener: serving,
      draining: older.map(listener => newDraining(0, config, listener, nowMs)),
      scaledTo: note.scaledTo,
      pausedAt: note.pausedAt,
      counters: note.counters,
      workers: new Map(workers.map(state => [state.pid, restoreWorker(state)])),
    },
    actions: [
      // They were opened for a generation that never served.
      ...known
        .filter(({ number }) => number > note.listener && number !== opening)
        .map(({ number }): Action => ({ type: 'unlisten', number })),
      // Their address was given up, or should have been when the new one took over.
      ...held
        .filter(it => heldListener(it).number < note.listener)
        .filter(({ spec }) => !isSameAddress(spec.address, config.listen.address))
        .map((it): Action => ({ type: 'refuse', number: heldListener(it).number })),
      ...(opening === null ? [] : [{ type: 'listen', number: opening, config } as const]),
    ],
  };
}

/** Its own, to which the keeper gives the pool's settings; of one that replaces a lost one, an earlier supervisor's. */
function numberToOpen(number: number, serving: Listener | null, known: readonly Listener[]): number {
  if (serving?.isLost !== true) return number;
  const replacement = known.find(it => it.number > number && !it.isLost);
  return replacement?.number ?? Math.max(...known.map(it => it.number)) + 1;
}
