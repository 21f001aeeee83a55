/**
 * What a supervisor that died in the middle of a reload had begun with the keeper and nobody will finish: listeners
 * of addresses that were not taken over or were given up, workers of pools that were not there before.
 */
import type { Keeper } from '../keeper/client.ts';
import type { World } from '../keeper/protocol.ts';
import type { Pool } from '../pool/pool.ts';
import { listenerId } from '../pool/pool-listener.ts';
import { listenersOf } from '../pool/pool-state.ts';

/** @param pools those that go on, restored */
export function endLeftovers(keeper: Keeper, world: World, pools: ReadonlyMap<string, Pool>): void {
  const wanted = new Set([...pools.values()].flatMap(listenerIds));
  for (const { spec } of world.listeners) if (!wanted.has(spec.id)) keeper.post('unlisten', { id: spec.id });
  for (const { pid, tag, gone } of world.workers) {
    if (pools.has(String(tag.pool))) continue;
    // They never served: their pool was still coming up.
    if (gone) keeper.post('acknowledge', { pid, note: null });
    else keeper.post('signal', { pid, signal: 'SIGKILL' });
  }
}

/** Those that a pool has, and the one that it is opening. The others of its own it closes itself. */
function listenerIds({ name, state }: Pool): string[] {
  const numbers = listenersOf(state).map(({ number }) => number);
  const { opening } = state;
  return [...numbers, ...(opening === null ? [] : [opening])].map(number => listenerId(name, number));
}
