/**
 * The turns of a pool. Data flows one way: what happens and what is seen (observation/) goes into `reconcile`, which makes
 * the next state and says what is to be done (apply.ts).
 */
import type { PoolConfig } from '../config/types.ts';
import type { Keeper } from '../keeper/client.ts';
import type { ListenerState, WorkerState } from '../keeper/protocol.ts';
import type { PoolEvent } from '../observe/events.ts';
import type { Watched } from '../observe/sockets.ts';
import { LookBudget } from '../os/look-budget.ts';
import { type Kernel, withBudget } from '../worker/kernel.ts';
import { Apply } from './apply.ts';
import { claimFor } from './autoscale.ts';
import { DecisionLog } from './decision-log.ts';
import type { LoadMeter } from './observation/load-meter.ts';
import { type Looks, Observer } from './observation/observer.ts';
import type { News, Observation, SharedLimits } from './observation.ts';
import { listenerId } from './pool-listener.ts';
import type { PoolNote } from './pool-note.ts';
import { newPool, type PoolState } from './pool-state.ts';
import { absorb, reconcile, type Turn } from './reconcile.ts';
import { isRecycling } from './recycle.ts';
import { isCalm, isFixed, nextLook, onGrid } from './rest.ts';
import { restorePool } from './restored-pool.ts';
import type { Claim } from './scaling/share.ts';

export interface PoolPorts {
  readonly keeper: Keeper;
  readonly kernel: Kernel;
  readonly report: (event: PoolEvent) => void;
  readonly now: () => number;
  /** The pool has something to do now. */
  readonly wake: () => void;
  /** These processes are the pool's. */
  readonly own: (pids: readonly number[]) => void;
}

interface Waiter {
  readonly isMet: (state: PoolState) => boolean;
  readonly resolve: () => void;
}

export class PoolTurns {
  readonly name: string;
  /** What was decided lately, and why. */
  readonly log = new DecisionLog();
  readonly #ports: PoolPorts;
  readonly #observer: Observer;
  readonly #apply: Apply;
  /** Of all looks into its workers. */
  readonly #budget = new LookBudget();
  readonly #kernel: Kernel;
  #state: PoolState;
  /** What was seen in the first half of a turn. */
  #seen: Observation | null = null;
  #news: News[] = [];
  /** How often a glance is enough; null: it is not. */
  #glanceEveryMs: number | null = null;
  /** The listener that the keeper watches for a connection; null: none. */
  #watched: number | null = null;
  #waiters: Waiter[] = [];
  #dueAtMs = 0;
  /** What the last turn saw, when it changed nothing; null: it did. */
  #calm: { readonly load: Observation['load']; readonly second: number } | null = null;

  constructor(config: PoolConfig, ports: PoolPorts) {
    this.name = config.name;
    this.#state = newPool(config);
    this.#ports = ports;
    const { keeper, report, now, own } = ports;
    const kernel = withBudget(ports.kernel, this.#budget);
    this.#observer = new Observer(kernel, this.#budget);
    this.#kernel = kernel;
    const news = (it: News): void => this.tell(it);
    this.#apply = new Apply(this.name, { keeper, kernel, report, now, own, log: this.log, news });
  }

  get state(): PoolState {
    return this.#state;
  }

  /** What was seen of its connections. */
  get meter(): LoadMeter {
    return this.#observer.meter;
  }

  /** The connections that one of its workers has; null: it cannot be told. */
  connectionsOf(pid: number, accepted: ReadonlySet<number>): readonly number[] | null {
    this.#budget.refill(this.#state.workers.size, this.#ports.now());
    return this.#kernel.connectionsOf(pid, accepted);
  }

  /** Something has happened; the next turn comes now. */
  tell(news: News): void {
    this.#news.push(news);
    if (news.type === 'knocked') this.#watched = null;
    this.#dueAtMs = 0;
    this.#ports.wake();
  }

  /** When its next turn is due, by the supervisor's clock; Infinity: when something happens. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** What the next look at the kernel's tables should tell about. */
  watched(nowMs: number): readonly Watched[] {
    return this.#observer.watched(this.#state, this.#news, nowMs);
  }

  /** What it asks of `process.max`. */
  claim(nowMs: number): Claim {
    return claimFor(this.#state, this.#observer.load, nowMs);
  }

  /** The first half of a turn: looks, and takes what has happened. @param isBlind nothing can be looked at */
  observe(looks: Looks, isBlind: boolean): void {
    const nowMs = this.#ports.now();
    if (this.#isDeserted(looks, isBlind, nowMs)) return;
    this.#budget.refill(this.#state.workers.size, nowMs);
    const news = this.#news.splice(0);
    const seen = this.#observer.observe(this.#state, news, looks, isBlind, nowMs);
    this.#seen = seen;
    if (news.length > 0) this.#do(absorb(this.#state, seen));
  }

  /** Nobody was there and nothing has happened: a glance shows whether that is so still. */
  #isDeserted(looks: Looks, isBlind: boolean, nowMs: number): boolean {
    if (this.#glanceEveryMs === null || isBlind || this.#news.length > 0) return false;
    if (!this.#observer.isDeserted(this.#state, looks, nowMs)) return false;
    this.#dueAtMs = onGrid(nowMs, this.#glanceEveryMs);
    return true;
  }

  /** The second half: decides and acts. @returns how many processes it has asked for */
  act(limits: SharedLimits): number {
    const seen = this.#seen;
    this.#seen = null;
    if (seen === null) {
      if (limits.allowance < 0) this.#glanceEveryMs = null; // others need some of its workers: the next turn is a whole one
      return 0;
    }
    let started = 0;
    if (seen.news.length > 0 || !this.#isAsBefore(seen, limits)) {
      const { actions } = this.#do(reconcile(this.#state, seen, limits));
      for (const action of actions) if (action.type === 'spawn') started += action.count;
      const isCalmNow = !seen.isBlind && actions.length === 0 && isCalm(this.#state);
      this.#calm = isCalmNow ? { load: seen.load, second: secondOf(seen.nowMs) } : null;
      this.#apply.save(this.#state);
    }
    this.#schedule(seen);
    this.#settleWaiters();
    return started;
  }

  #do(turn: Turn): Turn {
    this.#state = turn.state;
    for (const action of turn.actions) this.#apply.do(action);
    return turn;
  }

  #schedule(seen: Observation): void {
    if (this.#news.length > 0 || seen.isBehind) {
      this.#dueAtMs = 0;
      this.#ports.wake();
      return;
    }
    const { atMs, isWatched, glanceEveryMs } = nextLook(this.#state, seen);
    this.#dueAtMs = atMs;
    this.#glanceEveryMs = glanceEveryMs;
    const { listener } = this.#state;
    const number = isWatched && listener !== null ? listener.number : null;
    if (number !== null && number !== this.#watched)
      this.#ports.keeper.post('watch', { id: listenerId(this.name, number) });
    this.#watched = number;
  }

  #settleWaiters(): void {
    if (this.#news.length > 0 || this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ isMet }) => !isMet(this.#state));
    for (const { isMet, resolve } of waiters) if (isMet(this.#state)) resolve();
  }

  /**
   * The load is what it was when the last decision changed nothing, so the next would change nothing either. A load is
   * decided anew each second all the same: how high it was lately counts when it ends.
   */
  #isAsBefore(seen: Observation, { allowance, memoryShort }: SharedLimits): boolean {
    const { load, nowMs, longRequests, queueFull } = seen;
    if (this.#calm === null || allowance < 0 || memoryShort !== null || queueFull !== null) return false;
    if ((longRequests?.length ?? 0) > 0 || this.#state.reported.size > 0) return false;
    const { load: before, second } = this.#calm;
    if (load?.accepted !== before?.accepted || load?.waiting !== before?.waiting) return false;
    if (second === secondOf(nowMs)) return true;
    const isNobody = load !== null && load.accepted + load.waiting === 0;
    return (isNobody || isFixed(this.#state)) && !isRecycling(this.#state);
  }

  /** Waits, turn by turn, until the condition holds. @throws {Error} the reason of the signal, when it is aborted */
  until(isMet: (state: PoolState) => boolean, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#news.length === 0 && isMet(this.#state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { isMet, resolve };
      this.#waiters.push(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiters = this.#waiters.filter(it => it !== waiter);
        reject(signal.reason as Error);
      });
      this.#ports.wake();
    });
  }

  /** Leaves a state with the keeper, for the next supervisor. */
  protected save(state: PoolState): void {
    this.#apply.save(state);
  }

  /** Continues what an earlier supervisor left. @throws {Error} when what it left is damaged */
  restore(note: PoolNote, workers: readonly WorkerState[], held: readonly ListenerState[]): void {
    const { state, actions } = restorePool(note, workers, held, this.#ports.now());
    this.#state = state;
    this.#ports.own([...state.workers.keys()]);
    for (const action of actions) this.#apply.do(action);
    for (const { pid, exit, gone } of workers) {
      if (exit !== null) this.tell({ type: 'exited', pid, exit });
      if (gone) this.tell({ type: 'gone', pid });
    }
    this.#ports.wake();
  }
}

function secondOf(nowMs: number): number {
  return Math.floor(nowMs / 1000);
}
