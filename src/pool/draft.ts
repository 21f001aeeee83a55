/**
 * The next state of a pool while `reconcile` makes it, with the actions that lead there. It begins as a copy and is
 * thrown away at the end of the turn: for everybody else the state is a value.
 */
import type { LeaveReason, PoolEvent } from '../observe/events.ts';
import type { Effect, WorkerEvent } from '../worker/lifecycle.ts';
import { happen, tagOf, type Worker } from '../worker/worker.ts';
import type { Action } from './action.ts';
import type { Because } from './decision-log.ts';
import type { PoolState, Retiring } from './pool-state.ts';

export class Draft {
  readonly nowMs: number;
  readonly actions: Action[] = [];
  #state: PoolState;
  #workers: Map<number, Worker> | null = null;

  constructor(before: PoolState, nowMs: number) {
    this.#state = before;
    this.nowMs = nowMs;
  }

  get state(): PoolState {
    return this.#state;
  }

  get name(): string {
    return this.#state.config.name;
  }

  set(change: Partial<PoolState>): void {
    const now = this.#state as unknown as Readonly<Record<string, unknown>>;
    // Most turns of most pools change nothing.
    if (Object.entries(change).some(([key, value]) => now[key] !== value))
      this.#state = { ...this.#state, ...change };
  }

  setRetiring(change: Partial<Retiring>): void {
    this.set({ retiring: { ...this.#state.retiring, ...change } });
  }

  setWorker(worker: Worker): void {
    this.#ownWorkers().set(worker.pid, worker);
  }

  removeWorker(pid: number): void {
    this.#ownWorkers().delete(pid);
  }

  act(action: Action): void {
    this.actions.push(action);
  }

  report(event: PoolEvent): void {
    this.actions.push({ type: 'report', event });
  }

  explain(what: string, reasons: readonly Because[]): void {
    this.actions.push({ type: 'explain', what, reasons });
  }

  /** Leaves the state as it is by now with the keeper, before what is asked of it next. */
  save(): void {
    this.actions.push({ type: 'save', state: this.#state });
  }

  /** Takes a worker through its lifecycle. @returns it as it is then, and the effects that are the caller's */
  happen(pid: number, event: WorkerEvent): { readonly worker: Worker; readonly isEnded: boolean } | null {
    const before = this.#state.workers.get(pid);
    if (before === undefined) return null;
    const { worker, effects } = happen(before, event, this.nowMs);
    if (worker.sinceMs === before.sinceMs && worker.phase === before.phase && effects.length === 0)
      return { worker: before, isEnded: false };
    this.setWorker(worker);
    for (const effect of effects) this.#effect(worker, effect);
    if (worker.phase !== before.phase) this.act({ type: 'tag', pid, tag: tagOf(worker, this.name) });
    return { worker, isEnded: effects.includes('reportExit') };
  }

  leave(pid: number, type: 'stop' | 'drain' | 'kill', reason: LeaveReason): void {
    this.happen(pid, { type, reason });
  }

  #effect(worker: Worker, effect: Effect): void {
    const { pid } = worker;
    const { config, config: pool } = this.#state;
    const { stopSignal, processControlTimeoutMs, startTimeoutMs } = worker.startedWith ?? config;
    switch (effect) {
      case 'sendStopSignal':
        this.act({ type: 'signal', pid, signal: stopSignal });
        break;
      case 'sendKill':
        this.act({ type: 'signal', pid, signal: 'SIGKILL' });
        break;
      case 'reportReady': {
        const afterMs = Math.round(this.nowMs - worker.startedAtMs);
        this.report({ type: 'workerReady', pool: pool.name, pid, afterMs });
        break;
      }
      case 'reportStartTimeout':
        this.report({ type: 'startTimedOut', pool: pool.name, pid, timeoutMs: startTimeoutMs });
        break;
      case 'reportOutOfTime':
        this.report({ type: 'outOfTime', pool: pool.name, pid, timeoutMs: processControlTimeoutMs });
        break;
      case 'reportCut':
        this.report({ type: 'cut', pool: pool.name, pid, timeoutMs: processControlTimeoutMs });
        break;
      case 'reportExit': // with what was seen of it (workers.ts)
        break;
    }
  }

  #ownWorkers(): Map<number, Worker> {
    if (this.#workers === null || this.#state.workers !== this.#workers) {
      this.#workers = new Map(this.#state.workers);
      this.set({ workers: this.#workers });
    }
    return this.#workers;
  }
}
