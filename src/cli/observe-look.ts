/** What `observe` looks at, ten times a second, and what it prints of that once a second. */
import { workersHolding } from '../observe/holders.ts';
import { listenersAt } from '../observe/listeners-at.ts';
import { lookAtSockets } from '../observe/sockets.ts';
import { describeCause } from '../pool/scaling/why.ts';
import type { ShadowPool } from '../pool/simulation/shadow.ts';

/** One line of `--json`. What cannot be seen is null. */
export interface Observation {
  readonly at: string;
  readonly address: string;
  /** Somebody listens there now. */
  readonly is_listening: boolean;
  /** Connections that wait to be accepted: now, the most since the last line, and how many may. */
  readonly queue: { readonly length: number; readonly max: number; readonly limit: number | null };
  /** That were accepted, now. */
  readonly connections: number;
  /** Processes that accept there, and those of them that have a connection. */
  readonly workers: { readonly total: number | null; readonly busy: number | null };
  /** How many workers fpm-ts would have, and why it last started or retired some. */
  readonly fpm_ts: { readonly workers: number; readonly reason: string };
}

interface Load {
  readonly waiting: number;
  readonly limit: number | null;
  readonly accepted: ReadonlySet<number>;
}

export class Observer {
  readonly #address: string;
  readonly #shadow: ShadowPool;
  #listeners: readonly number[];
  #load: Load = { waiting: 0, limit: null, accepted: new Set() };
  #most = 0;
  #reason = '';

  /** @throws {FpmError} USAGE, FAILED */
  constructor(address: string, shadow: ShadowPool) {
    this.#address = address;
    this.#shadow = shadow;
    this.#listeners = listenersAt(address);
  }

  get isListening(): boolean {
    return this.#listeners.length > 0;
  }

  look(nowMs: number): void {
    this.#load = sum(this.#listeners);
    const { waiting, accepted } = this.#load;
    this.#most = Math.max(this.#most, waiting);
    const before = this.#shadow.workers;
    const why = this.#shadow.look({ accepted: accepted.size, waiting }, nowMs);
    if (this.#shadow.workers !== before && why[0] !== undefined) this.#reason = describeCause(why[0]);
  }

  /** What there is to say, since the last time. */
  report(now: Date): Observation {
    const { waiting, limit, accepted } = this.#load;
    const workers = this.isListening ? workersHolding(new Set(this.#listeners), accepted) : [];
    const observation: Observation = {
      at: now.toISOString(),
      address: this.#address,
      is_listening: this.isListening,
      queue: { length: waiting, max: this.#most, limit },
      connections: accepted.size,
      workers: {
        total: workers?.length ?? null,
        busy: workers?.filter(({ connections }) => connections > 0).length ?? null,
      },
      fpm_ts: { workers: this.#shadow.workers, reason: this.#reason },
    };
    this.#most = waiting;
    // A server that was restarted, or reloaded with a new socket, listens with another one.
    this.#listeners = listenersAt(this.#address);
    return observation;
  }
}

/** Several listeners at one address are one pool; on TCP each of them shows what was accepted at the address. */
function sum(listeners: readonly number[]): Load {
  const loads = [...lookAtSockets(listeners.map(inode => ({ inode, withConnections: true }))).values()];
  const limits = loads.map(load => load.limit);
  return {
    waiting: total(loads.map(load => load.waiting)),
    limit: limits.length > 0 && limits.every(limit => limit !== null) ? total(limits) : null,
    accepted: new Set(loads.flatMap(load => [...(load.accepted ?? [])])),
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
