/** Continues with the pools that a supervisor before this one has left, whatever the files say by now. */
import type { Keeper } from '../keeper/client.ts';
import { notedPool } from '../keeper/notes.ts';
import type { World } from '../keeper/protocol.ts';
import { poolOf } from '../pool/pool-listener.ts';
import { type PoolNote, parsePoolNote } from '../pool/pool-note.ts';
import { isWanted } from '../pool/pool-state.ts';
import { endLeftovers } from './leftovers.ts';
import type { Supervisor } from './supervisor.ts';

/** @throws {Error} when what it left is damaged */
export function restorePools(keeper: Keeper, world: World, supervisor: Supervisor): void {
  const workers = byPool(world.workers, ({ tag }) => String(tag.pool));
  const held = byPool(world.listeners, poolOf);
  const givenUp: PoolNote[] = [];
  for (const [name, text] of Object.entries(world.notes)) {
    const pool = notedPool(name);
    if (pool === null) continue;
    const note = parsePoolNote(pool, text);
    // Its workers have never served.
    if (note.isOnTrial) keeper.post('note', { name, text: null });
    else if (note.isTaking) givenUp.push(note);
    else supervisor.addPool(note.config).restore(note, workers.get(pool) ?? [], held.get(pool) ?? []);
  }
  endLeftovers(keeper, world, supervisor.pools);
  for (const note of givenUp) giveUpTakeover(supervisor, note);
}

/** What that one had begun to stop is stopped. */
export function finishStops(supervisor: Supervisor): void {
  for (const pool of supervisor.pools.values()) {
    if (pool.state.desired === 'removed') void supervisor.removePool(pool);
    else if (!isWanted(pool.state)) void pool.stop(false);
  }
}

/** The keeper was killed while it stopped, and now there was a start: every pool is wanted. */
export function startedAgain(keeper: Keeper, world: World): World {
  const { stopping: _, ...rest } = world.notes;
  const notes: Record<string, string> = rest;
  for (const [name, text] of Object.entries(notes)) {
    const pool = notedPool(name);
    if (pool === null) continue;
    notes[name] = JSON.stringify({ ...parsePoolNote(pool, text), desired: 'running' });
    keeper.post('note', { name, text: notes[name] });
  }
  return { ...world, notes };
}

function byPool<T>(all: readonly T[], poolOfOne: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const pool = poolOfOne(one);
    const group = groups.get(pool);
    if (group === undefined) groups.set(pool, [one]);
    else group.push(one);
  }
  return groups;
}

/** The other program still listens there; the pool, whose workers have never served, is stopped. */
function giveUpTakeover(supervisor: Supervisor, note: PoolNote): void {
  const { config } = note;
  supervisor.addPool(config).restore({ ...note, desired: 'stopped', isTaking: false }, [], []);
  const text = `pool ${config.name}: its takeover was under way when the supervisor ended; it is given up, and the other program serves as before: \`fpm-ts takeover\` begins again`;
  supervisor.ports.report({ type: 'problem', text });
}
