/** What holds after every step, and what holds when everything has come to rest. */
import type { ListenerState, WorkerState } from '../../../../src/keeper/protocol.ts';
import type { Pool } from '../../../../src/pool/pool.ts';
import { noteOf, parsePoolNote } from '../../../../src/pool/pool-note.ts';
import {
  countOf,
  isClosed,
  isFailed,
  isObstructed,
  isTaking,
  isWanted,
  presenceOf,
  sizeOf,
} from '../../../../src/pool/pool-state.ts';
import { restorePool } from '../../../../src/pool/restored-pool.ts';
import type { Model } from './model.ts';

type Counters = ReturnType<Model['counters']>;

export class Invariants {
  readonly #model: Model;
  #counters: Counters = new Map();
  /** Pools that have been there all the time: of others the counters begin anew. */
  readonly #steady: Set<string>;
  /** Settings that only a restart of the keeper applies. */
  #logFile: string;

  constructor(model: Model) {
    this.#model = model;
    this.#steady = new Set(model.files.keys());
    this.#logFile = model.globals.log.file;
  }

  /** A supervisor has died while notes were under way: what it had counted then is lost with it. */
  countersLost(): void {
    this.#counters = new Map();
  }

  /** There was a start. */
  started(): void {
    this.#logFile = this.#model.globals.log.file;
  }

  /** @returns what does not hold */
  afterStep(): string[] {
    const { instance, keeper } = this.#model;
    const pools = [...instance.supervisor.pools.values()];
    const { log } = instance.supervisor.settings.running;
    const held = keeper.held;
    return [
      ...this.#model.violations,
      ...this.#countersHold(),
      ...pools.flatMap(pool => this.#noteHolds(pool, held.workers, held.listeners)),
      ...(keeper.isQuiet ? pools.flatMap(pool => this.#isPublished(pool)) : []),
      ...(log.file === this.#logFile ? [] : [`log.file has become ${log.file} without a restart`]),
    ];
  }

  #countersHold(): string[] {
    const before = this.#counters;
    const now = this.#model.counters();
    this.#counters = now;
    for (const name of this.#steady) if (!now.has(name)) this.#steady.delete(name);
    return [...this.#steady].flatMap(name => {
      const [was, is] = [before.get(name), now.get(name)];
      if (was === undefined || is === undefined) return [];
      return Object.entries(is)
        .filter(([key, value]) => value < was[key as keyof typeof was])
        .map(([key, value]) => `${key} of ${name} went down to ${value}`);
    });
  }

  #noteHolds(pool: Pool, workers: readonly WorkerState[], listeners: readonly ListenerState[]): string[] {
    const { name, state } = pool;
    if (state.isOnTrial || isTaking(state)) return []; // given up by a successor
    const before = noteOf(state);
    const own = workers.filter(({ tag }) => tag.pool === name);
    const held = listeners.filter(({ spec }) => spec.id.startsWith(`${name}#`));
    const restored = restorePool(parsePoolNote(name, JSON.stringify(before)), own, held, 0);
    const [a, b] = [JSON.stringify(before), JSON.stringify(noteOf(restored.state))];
    return a === b ? [] : [`the note of ${name} is read back as ${b}, and was ${a}`];
  }

  #isPublished({ name, state }: Pool): string[] {
    const { listener, listening, openFailure } = state;
    if (!isWanted(state) || listening !== 'open' || listener === null || openFailure !== null) return [];
    if (state.rollout !== null || listener.isLost) return [];
    const why = this.#model.whyNotServing({ name, state } as Pool);
    return why === null ? [] : [`it is called open, and ${why}`];
  }

  /** @returns what is not as it should be at rest */
  atRest(): string[] {
    const model = this.#model;
    const { instance, keeper, world } = model;
    const pools = [...instance.supervisor.pools.values()];
    const ids = [...keeper.listeners.keys()];
    const strangers = ids.filter(id => !instance.supervisor.pools.has(id.slice(0, id.lastIndexOf('#'))));
    const lost = [...world.workers.values()].filter(({ pid, spec }) => {
      const pool = instance.supervisor.pools.get(spec.pool);
      return pool?.state.workers.has(pid) !== true;
    });
    return [
      ...[...model.pending.values()].map(name => `${name} has not come back`),
      ...strangers.map(id => `listener ${id} belongs to nobody`),
      ...lost.map(({ pid, spec }) => `worker ${pid} of ${spec.pool} belongs to nobody`),
      ...pools.flatMap(pool => this.#atRest(pool, ids)),
    ];
  }

  #atRest({ name, state }: Pool, ids: readonly string[]): string[] {
    const own = ids.filter(id => id.startsWith(`${name}#`));
    if (!isWanted(state)) {
      if (!isClosed(state)) return [`${name} is not closed`];
      return own.length === 0 ? [] : [`${name} is stopped, and has ${own.join(' ')}`];
    }
    if (isObstructed(state))
      return own.length + countOf(state) === 0 ? [] : [`${name} is not tried, and has ${own.join(' ')}`];
    const problems: string[] = [];
    if (state.rollout !== null) problems.push(`${name} has a rollout`);
    if (state.draining.length > 0) problems.push(`${name} drains`);
    if (state.listening !== 'open') problems.push(`${name} does not listen: ${state.listening}`);
    const listeners = state.config.listen.address.type === 'none' ? 0 : 1;
    if (own.length !== listeners) problems.push(`${name} has listeners ${own.join(' ')}`);
    const why = this.#model.whyNotServing({ name, state } as Pool);
    if (why !== null) problems.push(why);
    const { ready } = presenceOf(state);
    if (isFailed(state)) problems.push(`${name} has failed`);
    if (ready !== countOf(state)) problems.push(`${name}: ${ready} of ${countOf(state)} are ready`);
    if (ready < sizeOf(state) || ready > mostOf(state)) problems.push(`${name} has ${ready} workers`);
    const spawned = this.#model.world.spawned.get(name) ?? 0;
    const counted = this.#model.counters().get(name)?.spawned ?? 0;
    if (this.#steady.has(name) && spawned !== counted)
      problems.push(`${name} counts ${counted} spawned, and it was ${spawned}`);
    return problems;
  }
}

function mostOf({ config, scaledTo }: Pool['state']): number {
  const { mode, maxChildren, maxSpareServers } = config.pm;
  if (scaledTo !== null) return scaledTo;
  if (mode === 'static') return maxChildren;
  return mode === 'dynamic' ? Math.min(maxChildren, maxSpareServers ?? 1) : 0;
}
