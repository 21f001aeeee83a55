/** What a pool leaves with the keeper for the next supervisor: the part of its state that the kernel does not know. */
import * as z from 'zod';
import { SAVED_POOL } from '../config/saved.ts';
import { poolNoteName } from '../keeper/notes.ts';
import type { Note } from '../keeper/protocol.ts';
import { isTaking, type PoolState } from './pool-state.ts';
import { tookOver } from './rollout.ts';

const count = z.int().min(0);

const POOL_NOTE = z.object({
  desired: z.enum(['running', 'stopped', 'removed']),
  isOnTrial: z.boolean(),
  /** What the serving generation was started with. */
  config: SAVED_POOL,
  generation: count,
  listener: count,
  scaledTo: count.nullable(),
  pausedAt: count.nullable().default(null),
  counters: z.object({
    exited: count,
    crashed: count,
    reloads: count,
    max_children_reached: count,
    slow_requests: count,
  }),
  /** Its address is another program's still: the next supervisor gives the takeover up. */
  isTaking: z.boolean(),
  /** Its settings may lack what was not there: the next supervisor does not try them either. */
  obstacle: z.string().nullable().default(null),
});

export type PoolNote = z.infer<typeof POOL_NOTE>;

/** @throws {Error} that says what is wrong with it */
export function parsePoolNote(pool: string, text: string): PoolNote {
  const parsed = POOL_NOTE.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new Error(`the saved state of pool ${pool} is damaged: ${z.prettifyError(parsed.error)}`);
}

export function noteOf(before: PoolState): PoolNote {
  // The keeper may have published it already: whoever comes next continues with the new generation.
  const state = before.rollout?.phase === 'publishing' ? tookOver(before, 0) : before;
  const { desired, isOnTrial, config, generation, listener, lastListener, scaledTo, pausedAt } = state;
  const { counters, obstacle } = state;
  return {
    desired,
    isOnTrial,
    config,
    generation,
    listener: listener?.number ?? lastListener,
    scaledTo,
    pausedAt,
    counters,
    isTaking: isTaking(state),
    obstacle,
  };
}

/** Remembers what the keeper has, so that what has not changed is not sent again. */
export class SavedNote {
  #saved: PoolNote | null = null;

  has(state: PoolState): boolean {
    const saved = this.#saved;
    if (saved === null) return false;
    const note = noteOf(state);
    return (Object.keys(note) as (keyof PoolNote)[]).every(key => note[key] === saved[key]);
  }

  /** @returns it for the keeper; it counts as saved */
  save(state: PoolState): Note {
    this.#saved = noteOf(state);
    return { name: poolNoteName(state.config.name), text: JSON.stringify(this.#saved) };
  }
}
