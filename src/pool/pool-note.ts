/** What a pool leaves with the keeper for the next supervisor. */
import type { PoolConfig } from '../config/types.ts';
import type { Note } from '../keeper/protocol.ts';
import type { Counters } from '../observe/status.ts';
import type { PastWorkers } from './crew.ts';

export interface PoolNote {
  /** What the generation that serves was started with, and the pool goes on with. */
  readonly config: PoolConfig;
  readonly generation: number;
  readonly listenerNumber: number;
  readonly target: number | null;
  readonly isWanted: boolean;
  /** It is no part of the configuration any more, and goes when it is empty. */
  readonly isRemoved: boolean;
  readonly counters: Pick<Counters, 'reloads' | 'max_children_reached' | 'slow_requests'> & PastWorkers;
  /** Its address is another program's still: whoever comes after us gives the takeover up. */
  readonly isTaking?: boolean;
}

export class SavedNote {
  readonly #pool: string;
  #saved: { readonly facts: string; readonly config: PoolConfig | null } = { facts: '', config: null };

  constructor(pool: string) {
    this.#pool = pool;
  }

  /** Whether the keeper has it already. The settings are long, and seldom others. */
  has({ config, ...facts }: PoolNote): boolean {
    return JSON.stringify(facts) === this.#saved.facts && config === this.#saved.config;
  }

  /** @returns it for the keeper; it counts as saved */
  save(note: PoolNote): Note {
    const { config, ...facts } = note;
    this.#saved = { facts: JSON.stringify(facts), config };
    return { name: `pool:${this.#pool}`, text: JSON.stringify(note) };
  }
}
