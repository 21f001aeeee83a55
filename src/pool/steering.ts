/**
 * How a pool is steered, turn by turn: what it looks at, what sizing.ts decides of that, and what is done about it.
 * Where nothing has happened that matters, a turn is saved.
 */
import type { Watched } from '../observe/sockets.ts';
import type { PoolPorts } from './crew.ts';
import type { Looks } from './generations.ts';
import type { Lookout } from './lookout.ts';
import type { PoolFacts, PoolParts } from './pool-facts.ts';
import { Recycler } from './recycler.ts';
import { Rest } from './rest.ts';
import type { Retirement } from './retirement.ts';
import type { Action } from './scaling/decide.ts';
import type { Sight } from './scaling/goal.ts';
import type { Claim } from './scaling/share.ts';
import { Surplus } from './surplus.ts';

const NOTHING: readonly Watched[] = [];

/** What holds for all pools together. */
export interface SharedLimits {
  /** How many more processes process.max allows this pool; below 0: how many others need of its. */
  readonly allowance: number;
  /** How many more it allows all pools. */
  readonly room: number;
  /** Why memory is short, in words; null: it is not. */
  readonly memoryShort: string | null;
}

export class Steering {
  readonly #parts: PoolParts;
  readonly #facts: PoolFacts;
  readonly #lookout: Lookout;
  readonly #ports: PoolPorts;
  readonly #surplus: Surplus;
  readonly #recycler: Recycler;
  readonly #rest = new Rest();
  #limits: SharedLimits = { allowance: Infinity, room: Infinity, memoryShort: null };

  constructor(parts: PoolParts, facts: PoolFacts, retirement: Retirement, ports: PoolPorts) {
    this.#parts = parts;
    this.#facts = facts;
    this.#lookout = parts.lookout;
    this.#ports = ports;
    this.#surplus = new Surplus(retirement, parts.rolls);
    this.#recycler = new Recycler(facts.name, retirement, parts.diary, ports.report);
  }

  /** There is something to look at soon: a worker on its way in or out. */
  get isHurried(): boolean {
    const now = this.#ports.now();
    return !this.#rest.isSettled && [...this.#facts.workers.values()].some(it => it.isPassing(now));
  }

  /** Something has happened: the next turn is not saved, and comes now. */
  stir(): void {
    this.#rest.end();
    this.#ports.wake();
  }

  /** Whether so many more workers may be started beside those that the pool calls for. */
  hasRoomFor(workers: number): boolean {
    return this.#limits.room >= workers && this.#limits.memoryShort === null;
  }

  /** What it asks of `process.max`. */
  claim(): Claim {
    const sight = this.#sight();
    const { crew, sizing } = this.#parts;
    return sizing.claim(sight, this.#facts.config.pm, crew.count - sight.ready - sight.starting);
  }

  /**
   * What the next look at the kernel's tables should tell about. The rows of connections cost ten times what a queue
   * does: as long as nobody waits and nothing is under way, they are read twice a second.
   */
  watched(nowMs: number): readonly Watched[] {
    const { generations, requests } = this.#parts;
    if (this.#rest.isAsleep) return NOTHING;
    if (requests.isLookDue(this.#facts.config, nowMs)) return generations.watched(true);
    if (!this.#lookout.isQueueDue(this.#rest.isSettled, nowMs)) return NOTHING;
    return generations.watched(this.#lookout.areConnectionsDue(this.#isMoving, nowMs));
  }

  /** A connection waits on the listener that the keeper was asked to watch. */
  knocked(id: string): void {
    const { crew, generations } = this.#parts;
    if (generations.serving.listener?.id !== id) return;
    this.#lookout.isKnocked = true;
    // One is started for whoever knocks before the tables are read; the turn that comes sees how many there are.
    if (this.#facts.isWanted && crew.count === 0) this.#decide();
    this.stir();
  }

  /**
   * Takes what was seen.
   * @param limits what holds for all pools together
   * @returns false: the rest of this turn can be saved
   */
  look(looks: Looks, limits: SharedLimits): boolean {
    this.#limits = limits;
    if (this.#rest.isAsleep || !this.#parts.standing.isOpen) return false;
    this.#lookAtLoad(looks);
    this.#lookAtRequests(looks);
    this.#recycle();
    return !this.#rest.isSettled && !this.#isCalmStill();
  }

  /** Starts workers, or sends some away. */
  decide(): void {
    const { isWanted, isTaking, meter } = this.#facts;
    // Its connections are read in the next turn, which is due: an old look would count them twice.
    const isBehind = meter.hasQueue && meter.isStale;
    const isOthers = isTaking && this.#parts.rolls.current === null;
    if (isWanted && !isOthers && !isBehind) this.#decide();
  }

  /** After everything: whether turns can be saved until something happens. */
  settle(): void {
    const { crew, generations, health, rolls, sizing } = this.#parts;
    const { config, isWanted, isTaking } = this.#facts;
    const isQuiet =
      !isTaking &&
      rolls.current === null &&
      generations.isSingle &&
      this.#recycler.outgoing === 0 &&
      health.restart.failedAttempts === 0;
    if (!isQuiet || !isWanted) return;
    const { mode } = config.pm;
    if (mode === 'static' || sizing.target !== null) {
      const { ready, size } = this.#facts;
      // Those that are just being spawned are in the count, but not ready.
      this.#rest.isSettled = ready.length === size && crew.count === size;
    } else if (mode === 'ondemand' && crew.count === 0 && !this.#lookout.isKnocked) {
      this.#rest.isAsleep = true;
      generations.serving.listener?.watch();
    }
  }

  /** Workers come or go. */
  get #isMoving(): boolean {
    return this.#parts.rolls.current !== null || this.#facts.isDraining || this.isHurried;
  }

  #lookAtLoad(looks: Looks): void {
    const { config, listenerInode, meter, name } = this.#facts;
    const load = listenerInode === null ? null : (looks.get(listenerInode) ?? null);
    if (load === null && this.#rest.isSettled) return; // it was not its turn
    if (load !== null && meter.becameFull(load)) {
      const { waiting, limit } = load;
      this.#ports.report({ type: 'queueFull', pool: name, waiting, limit: limit ?? 0 });
    }
    const ready = this.#facts.ready.map(({ pid }) => pid);
    const followsLoad = this.#parts.sizing.target === null;
    const isUrgent = this.#lookout.note(load, ready, config, followsLoad, this.#ports.now());
    if (isUrgent) this.stir();
  }

  /** Looks at requests that take long, when all connections were read. */
  #lookAtRequests(looks: Looks): void {
    const { generations, requests, rolls } = this.#parts;
    const { config, isWanted, listenerInode } = this.#facts;
    const nowMs = this.#ports.now();
    if (!requests.isLookDue(config, nowMs)) return;
    const accepted = generations.accepted(looks);
    if (accepted === null) return;
    if (requests.turn({ nowMs, config, accepted, listenerInode }) === 'nothing') return;
    if (isWanted) rolls.startByItself();
  }

  #recycle(): void {
    const { health, rolls } = this.#parts;
    const { config, isWanted, meter } = this.#facts;
    const isOff =
      config.pm.maxMemoryBytes === 0 && config.pm.maxLifetimeMs === 0 && this.#recycler.outgoing === 0;
    if (!isWanted || isOff) return;
    const { ready, staying, starting, workers } = this.#facts;
    const news = this.#recycler.turn({
      nowMs: this.#ports.now(),
      config,
      ready,
      leaving: workers.size - staying.length,
      isFilling: starting > 0 || health.restart.failedAttempts > 0,
      accepted: meter.accepted,
      isRolling: rolls.isAhead,
    });
    if (news === 'roll') rolls.startByItself();
    if (news === 'stir') this.stir();
  }

  #isCalmStill(): boolean {
    const { allowance, memoryShort } = this.#limits;
    if (this.#lookout.hasServed || allowance < 0 || memoryShort !== null) return false;
    return this.#rest.isCalmStill(this.#ports.now(), this.#facts.meter.counts);
  }

  #sight(): Sight {
    const { ready, starting } = this.#facts;
    // Those that are to be replaced are not counted on.
    const lasting = ready.length - this.#recycler.outgoing;
    return { nowMs: this.#ports.now(), ready: lasting, starting, load: this.#lookout.load };
  }

  #decide(): void {
    const { health, rolls, sizing } = this.#parts;
    const { config, meter } = this.#facts;
    const { allowance, room, memoryShort } = this.#limits;
    const { next } = rolls;
    const snapshot = {
      ...this.#sight(),
      // What nobody uses is there for the new generation, which is no part of the pool's share.
      allowance: next === null ? allowance : Math.max(allowance, room),
      memoryShort,
      restart: health.restart,
      nextGeneration: next,
    };
    this.#lookout.isKnocked = false;
    const actions = sizing.decide(snapshot, config.pm);
    for (const action of actions) this.#apply(action);
    if (!actions.some(action => action.type === 'retire')) this.#surplus.none();
    const isIdle = actions.length === 0 && sizing.held.length === 0 && !meter.hasQueue;
    this.#rest.decided(isIdle && !this.#isMoving ? snapshot : null);
  }

  #apply(action: Action): void {
    const { crew, generations, rolls } = this.#parts;
    if (action.type === 'retire') {
      const { config, meter, staying } = this.#facts;
      const surplus = { staying, count: action.count, isDue: action.isDue };
      this.#surplus.retire(surplus, config, meter.accepted, this.#ports.now());
    } else if (action.generation === 'serving') {
      for (let i = 0; i < action.count; i++) crew.spawn(generations.serving);
    } else rolls.spawn(action.count);
  }
}
