/**
 * Reloads, pool by pool: of each pool one is under way, and at most one waits. What is read later replaces what the
 * waiting one was to bring about, so whoever reloads a pool again and again makes nobody wait longer, and no pool
 * waits for another. What is to be done is decided when it begins: the pool may have been added or removed since.
 * A takeover has its turn among them.
 */

import type { PlannedPool } from '../commands/reload.ts';
import { type PlanEntry, poolPlan } from '../config/plan.ts';
import type { PoolConfig } from '../config/types.ts';
import { failureOf, hasGivenUp, isObstructed, isWanted, stayingOf } from '../pool/pool-state.ts';
import { rolloutSize } from '../pool/rollout.ts';
import { RolloutRoom } from './rollout-room.ts';
import type { Supervisor } from './supervisor.ts';

/** The pool is stopped: it takes the settings, and is started with them. */
const STOPPED = Symbol('stopped');

/** What the files say of a pool. */
export interface Wanted {
  /** undefined: there is to be no such pool. */
  readonly config: PoolConfig | undefined;
  /** Of a pool whose settings have not changed, nothing is touched. */
  readonly onlyChanged: boolean;
  /** Why it can neither be started nor reloaded now; null: it can. */
  readonly obstacle: string | null;
}

export interface Outcome {
  /** What was done. */
  readonly planned: PlannedPool;
  /** Why it did not work; the pool then is as it was before. */
  readonly failure: string | null;
}

/** A reload of one pool. */
interface Reload {
  readonly type: 'reload';
  wanted: Wanted;
  /** Only users of pools have asked for it. */
  isOfUsers: boolean;
  hasBegun: boolean;
  isCancelled: boolean;
  readonly outcome: Promise<Outcome>;
  readonly settle: (outcome: Outcome) => void;
}

type Turn = Reload | { readonly type: 'other'; readonly begin: () => Promise<void> };

export class PoolReloads {
  readonly #supervisor: Supervisor;
  readonly #room: RolloutRoom;
  /** A turn at that pool has ended. */
  readonly #onEnd: () => void;
  /** The first of each is under way, or waits for room. */
  readonly #turns = new Map<string, Turn[]>();

  constructor(supervisor: Supervisor, onEnd: () => void) {
    this.#supervisor = supervisor;
    this.#room = new RolloutRoom(supervisor);
    this.#onEnd = onEnd;
  }

  isFree(name: string): boolean {
    return !this.#turns.has(name);
  }

  /** One waits, so another one of it makes nobody wait longer. */
  hasWaiting(name: string): boolean {
    return this.#waiting(name) !== null;
  }

  /** Call it in the order in which the files were read. The one that waits takes this as well. */
  reload(name: string, wanted: Wanted, isOfUser: boolean): Promise<Outcome> {
    const waiting = this.#waiting(name);
    if (waiting !== null) {
      const onlyChanged = waiting.wanted.onlyChanged && wanted.onlyChanged;
      waiting.wanted = { ...wanted, onlyChanged };
      waiting.isOfUsers &&= isOfUser;
      return waiting.outcome;
    }
    let settle: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>(resolve => {
      settle = resolve;
    });
    const state = { isOfUsers: isOfUser, hasBegun: false, isCancelled: false };
    this.#append(name, { type: 'reload', wanted, ...state, outcome, settle });
    return outcome;
  }

  /** Something else that no reload of the pool may overlap with. */
  between<T>(name: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const begin = (): Promise<void> => work().then(resolve, reject);
      this.#append(name, { type: 'other', begin });
    });
  }

  /**
   * Ends the reloads that only users of pools have asked for: the generations that serve stay. Nobody waits for what
   * else they may have begun, such as a removal.
   */
  cancelOfUsers(reasonFor: (name: string) => string): void {
    for (const [name, turns] of this.#turns)
      for (const turn of turns) if (turn.type === 'reload') this.#cancel(name, turn, reasonFor(name));
  }

  #cancel(name: string, reload: Reload, reason: string): void {
    const { isOfUsers, isCancelled, hasBegun, wanted, settle } = reload;
    if (!isOfUsers || isCancelled) return;
    const planned = this.plan(name, wanted);
    const pool = this.#supervisor.pools.get(name);
    if (hasBegun && pool?.cancelReload(reason) === false) return; // it is over in a moment
    reload.isCancelled = true;
    settle({ planned, failure: reason });
  }

  /** What a reload of it would do now. */
  plan(name: string, { config, onlyChanged, obstacle }: Wanted): PlannedPool {
    const pool = this.#supervisor.pools.get(name);
    const isToTry = pool !== undefined && isObstructed(pool.state);
    const entry = poolPlan(name, pool?.state.config, config?.enabled === true ? config : undefined);
    const action = actionOf(entry, onlyChanged && !isToTry);
    const changes = entry.changes.map(({ key, applies }) => ({ key, applied: applies }));
    if (obstacle !== null && action !== 'remove' && action !== 'keep')
      return { pool: name, action: 'fail', changes, reason: obstacle };
    const isStopped = pool !== undefined && !isWanted(pool.state) && action !== 'remove';
    return { pool: name, action: isStopped ? 'stopped' : action, changes };
  }

  #waiting(name: string): Reload | null {
    const last = this.#turns.get(name)?.at(-1);
    return last?.type === 'reload' && !last.hasBegun && !last.isCancelled ? last : null;
  }

  #append(name: string, turn: Turn): void {
    const turns = this.#turns.get(name);
    turns?.push(turn);
    if (turns !== undefined) return;
    const added = [turn];
    this.#turns.set(name, added);
    void this.#takeTurns(name, added);
  }

  async #takeTurns(name: string, turns: Turn[]): Promise<void> {
    for (let next = turns[0]; next !== undefined; next = turns[0]) {
      if (next.type === 'reload') await this.#take(name, next);
      else await next.begin();
      turns.shift();
      if (turns.length === 0) this.#turns.delete(name);
      this.#onEnd();
    }
  }

  /** As long as it waits for room, it takes what is read later. */
  async #take(name: string, reload: Reload): Promise<void> {
    const leave = await this.#enter(name, reload);
    reload.hasBegun = true;
    if (!reload.isCancelled) reload.settle(await this.#apply(name, reload.wanted));
    leave();
  }

  async #enter(name: string, reload: Reload): Promise<() => void> {
    const { action } = this.plan(name, reload.wanted);
    if (action !== 'roll' && action !== 'add') return () => {};
    return await this.#room.enter(
      () => this.#sizeOf(name, reload.wanted),
      () => reload.isOfUsers,
    );
  }

  /** How many workers it starts beside those that there are. */
  #sizeOf(name: string, wanted: Wanted): number {
    const pool = this.#supervisor.pools.get(name);
    if (pool === undefined || wanted.config === undefined) return 0;
    const { state } = pool;
    return rolloutSize(wanted.config, stayingOf(state, state.generation).length, null);
  }

  async #apply(name: string, wanted: Wanted): Promise<Outcome> {
    const planned = this.plan(name, wanted);
    try {
      const failure = await this.#carryOut(planned, wanted.config);
      if (failure === STOPPED) return { planned: { ...planned, action: 'stopped' }, failure: null };
      return { planned, failure };
    } catch (error) {
      return { planned, failure: messageOf(error) }; // a stop or another command came in between
    }
  }

  async #carryOut(
    planned: PlannedPool,
    config: PoolConfig | undefined,
  ): Promise<string | typeof STOPPED | null> {
    const supervisor = this.#supervisor;
    if (supervisor.isStopping) return 'fpm-ts is stopping';
    const { pool: name, action, reason = '' } = planned;
    const pool = supervisor.pools.get(name);
    if (action === 'fail') {
      if (pool !== undefined && isObstructed(pool.state)) pool.obstruct(reason);
      return reason;
    }
    if (action === 'remove' || config === undefined) {
      if (pool !== undefined) await supervisor.removePool(pool);
      return null;
    }
    if (action === 'keep') return null;
    if (pool === undefined) return await this.#add(config);
    if (action === 'live') {
      await pool.reconfigure(config);
      return null;
    }
    const rolled = await pool.reload(config);
    if (rolled === 'stopped') return STOPPED;
    return rolled.ok ? null : rolled.reason;
  }

  async #add(config: PoolConfig): Promise<string | null> {
    const supervisor = this.#supervisor;
    const pool = supervisor.addPool(config);
    const failure = await pool.start(true).then(
      () => null,
      (error: unknown) => (hasGivenUp(pool.state) ? failureOf(pool.state) : messageOf(error)),
    );
    // A stop that came in between leaves it stopped.
    if (failure === null || (!hasGivenUp(pool.state) && pool.state.openFailure === null)) return failure;
    pool.stop(true).catch(() => {}); // its workers never served
    await supervisor.removePool(pool);
    return failure;
  }
}

/** Without --changed every pool gets new workers, whether its settings changed or not. */
function actionOf({ action, applies }: PlanEntry, onlyChanged: boolean): PlannedPool['action'] {
  if (action === 'added') return 'add';
  if (action === 'removed') return 'remove';
  if (!onlyChanged) return 'roll';
  if (action === 'unchanged') return 'keep';
  return applies === 'live' ? 'live' : 'roll';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
