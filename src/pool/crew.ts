/**
 * The workers of a pool: started, looked at, taken through their lifecycle, and reported. How many there should
 * be is not its business; sizing.ts decides that.
 */
import type { PoolConfig } from '../config/types.ts';
import type { Keeper } from '../keeper/client.ts';
import type { Exit, WorkerState } from '../keeper/protocol.ts';
import type { LeaveReason, PoolEvent } from '../observe/events.ts';
import {
  describeOom,
  isOutOfMemoryRuledOut,
  type OomCounters,
  readOomCounters,
} from '../observe/out-of-memory.ts';
import { hasArrived } from '../worker/arrival.ts';
import { listenerDescriptor, workerSpec } from '../worker/command.ts';
import { poolIdentity } from '../worker/identity.ts';
import type { Effect, WorkerEvent, WorkerPhase } from '../worker/lifecycle.ts';
import { acceptsOn } from '../worker/readiness.ts';
import { WorkerHandle } from '../worker/worker-handle.ts';
import { isCrash } from './crash-storm.ts';
import type { Generation } from './generation.ts';

/** A worker that has nothing in hand, or no time left, and does not heed its stop signal is killed after this. */
const KILL_AFTER_MS = 1000;

/** Turns come ten times a second. When none came for so long we were stopped, or another supervisor is to be followed. */
const AWAY_MS = 1000;
/** Whose time was over meanwhile may be free by now: so long is for looking, which takes two looks. */
const LOOK_FIRST_MS = 500;

export interface PoolPorts {
  readonly keeper: Keeper;
  readonly report: (event: PoolEvent) => void;
  readonly now: () => number;
  /** Called when there may be something to do before the next tick. */
  readonly wake: () => void;
  /** Waits, turn by turn, until the condition holds. */
  readonly until: (isMet: () => boolean) => Promise<void>;
}

/** What the pool is told. */
export interface CrewListener {
  /** Why a worker of that generation, just spawned, is not wanted any more; null: it is. */
  readonly unwanted: (generation: number) => LeaveReason | null;
  /** It ended with the signal of a crash that nobody asked for. @returns whether that is one of a storm */
  readonly crashed: (signal: string) => boolean;
  /** A worker ended that we had not asked to, or that never became ready; isKilled: somebody else sent it SIGKILL. */
  readonly died: (worker: WorkerHandle, isKilled: boolean) => void;
  readonly spawnFailed: (generation: number, message: string, askedAtMs: number) => void;
  /** Nothing of it is left, and it is accounted for. */
  readonly gone: (pid: number) => void;
}

/** Of workers that the keeper has forgotten: those that it knows still are counted as they stand. */
export interface PastWorkers {
  readonly exited: number;
  readonly crashed: number;
}

export class Crew {
  readonly workers = new Map<number, WorkerHandle>();
  past: PastWorkers = { exited: 0, crashed: 0 };
  readonly #pool: string;
  readonly #ports: PoolPorts;
  readonly #listener: CrewListener;
  /** By generation: asked for, and not yet answered. */
  readonly #spawning = new Map<number, number>();
  #oom: OomCounters = readOomCounters();
  #observedAtMs = Number.NEGATIVE_INFINITY;
  #isBackSinceMs = Number.NEGATIVE_INFINITY;

  constructor(pool: string, ports: PoolPorts, listener: CrewListener) {
    this.#pool = pool;
    this.#ports = ports;
    this.#listener = listener;
  }

  /** Of all workers that the pool has had. */
  get counters(): { readonly spawned: number; readonly exited: number; readonly crashed: number } {
    const present = [...this.workers.values()];
    return {
      spawned: this.past.exited + present.length,
      exited: this.past.exited + present.filter(({ exit }) => exit !== null).length,
      crashed: this.past.crashed + present.filter(({ hasFailed }) => hasFailed).length,
    };
  }

  /** Processes that there are or are about to be. */
  get count(): number {
    let count = this.workers.size;
    for (const spawning of this.#spawning.values()) count += spawning;
    return count;
  }

  /** Whether who has no time left is told so: not before it has been looked at, when nobody has for a while. */
  get mayTimeOut(): boolean {
    return this.#observedAtMs - this.#isBackSinceMs >= LOOK_FIRST_MS;
  }

  spawning(generation: number): number {
    return this.#spawning.get(generation) ?? 0;
  }

  /** Those that serve or will. */
  staying(generation: number): WorkerHandle[] {
    return [...this.workers.values()].filter(it => it.isStaying && it.generation === generation);
  }

  ready(generation: number): WorkerHandle[] {
    return this.staying(generation).filter(it => it.phase === 'ready');
  }

  /** Those that are to leave when they are free. */
  draining(): WorkerHandle[] {
    return [...this.workers.values()].filter(it => it.phase === 'draining');
  }

  spawn({ number: generation, config, listener }: Generation): void {
    const askedAtMs = this.#ports.now();
    let spec: ReturnType<typeof workerSpec>;
    try {
      spec = workerSpec(config, poolIdentity(config), listener?.id ?? null, process.env);
    } catch (error) {
      this.#spawnFailed(generation, error instanceof Error ? error.message : String(error), askedAtMs);
      return;
    }
    this.#spawning.set(generation, this.spawning(generation) + 1);
    const born = { generation, startedAtMs: askedAtMs, listenerInode: listener?.inode ?? null };
    const tag = new WorkerHandle(0, born).tag(this.#pool);
    this.#ports.keeper.post('spawn', { spec, tag, count: 1 }, outcome => {
      this.#spawning.set(generation, this.spawning(generation) - 1);
      const failure = 'failure' in outcome ? outcome.failure : outcome.answer.failure;
      const pids = 'failure' in outcome ? [] : outcome.answer.pids;
      if (failure !== null) this.#spawnFailed(generation, failure.message, askedAtMs);
      for (const pid of pids) this.#spawned(new WorkerHandle(pid, born), config);
      this.#ports.wake();
    });
  }

  /** Takes over what an earlier supervisor started, and what ended meanwhile. */
  restore(states: readonly WorkerState[], config: PoolConfig): void {
    for (const state of states) this.workers.set(state.pid, WorkerHandle.restore(state));
    for (const { pid, exit, gone } of states) {
      if (exit !== null) this.exited(pid, exit, config);
      if (gone) this.gone(pid, config);
    }
  }

  /**
   * Looks at those that start, and gives those their due whose time is over.
   * @param accepted connections of the serving listener; null: not seen
   */
  observe(config: PoolConfig, accepted: ReadonlySet<number> | null): void {
    const now = this.#ports.now();
    if (now - this.#observedAtMs > AWAY_MS) this.#isBackSinceMs = now;
    this.#observedAtMs = now;
    for (const worker of this.workers.values()) {
      const { phase, sinceMs } = worker;
      if (phase === 'starting') this.#observeStarting(worker, worker.startedWith ?? config, accepted);
      else if (!this.mayTimeOut) continue;
      else if (phase === 'draining' && now - sinceMs >= config.processControlTimeoutMs)
        this.happen(worker, { type: 'drainTimedOut' }, config);
      else if (isOutOfTime(phase, now - sinceMs, config))
        this.happen(worker, { type: 'stopTimedOut' }, config);
      else if (worker.isReminderDue(now)) this.#remind(worker, config);
    }
  }

  /**
   * A worker that sleeps in accept after its stop signal has missed it: libfcgi gives up a request that a signal
   * interrupts, and php-cgi and others look at their flag before they accept, not while. It is told again.
   */
  #remind(worker: WorkerHandle, config: PoolConfig): void {
    const pool = worker.startedWith ?? config;
    if (pool.listen.address.type === 'none' || !acceptsOn(worker.pid, listenerDescriptor(pool))) return;
    this.#ports.keeper.post('signal', { pid: worker.pid, signal: pool.stopSignal });
  }

  exited(pid: number, exit: Exit, config: PoolConfig): void {
    const worker = this.workers.get(pid);
    if (worker === undefined) return;
    worker.exit = exit;
    this.happen(worker, { type: 'exited' }, config);
  }

  gone(pid: number, config: PoolConfig): void {
    const worker = this.workers.get(pid);
    if (worker === undefined) return;
    this.happen(worker, { type: 'gone' }, config);
    this.workers.delete(pid);
    const { exited, crashed } = this.past;
    this.past = { exited: exited + 1, crashed: crashed + (worker.hasFailed ? 1 : 0) };
    this.#listener.gone(pid);
  }

  happen(worker: WorkerHandle, event: WorkerEvent, config: PoolConfig): void {
    const before = worker.phase;
    for (const effect of worker.happen(event, this.#ports.now())) this.#effect(worker, effect, config);
    if (worker.phase === before) return;
    this.#ports.keeper.post('tag', { pid: worker.pid, tag: worker.tag(this.#pool) });
  }

  /**
   * Leaves with the keeper what is about to happen to a worker, should we die before we hear that it has.
   * @param event null: it does not happen after all
   */
  announce(worker: WorkerHandle, event: WorkerEvent | null): void {
    const { pid } = worker;
    const next = event === null ? null : worker.after(event, this.#ports.now());
    this.#ports.keeper.post('tag', { pid, tag: { ...worker.tag(this.#pool), ...next } });
  }

  #observeStarting(worker: WorkerHandle, config: PoolConfig, accepted: ReadonlySet<number> | null): void {
    const now = this.#ports.now();
    if (worker.isLookDue(now) && hasArrived(worker, config, accepted, now))
      this.happen(worker, { type: 'accepting' }, config);
    else if (this.mayTimeOut && now - worker.startedAtMs >= config.startTimeoutMs)
      this.happen(worker, { type: 'startTimedOut' }, config);
  }

  #spawned(worker: WorkerHandle, config: PoolConfig): void {
    worker.startedWith = config;
    this.workers.set(worker.pid, worker);
    this.#ports.report({ type: 'spawned', pool: this.#pool, pid: worker.pid, generation: worker.generation });
    const reason = this.#listener.unwanted(worker.generation);
    if (reason !== null) this.happen(worker, { type: 'drain', reason }, config);
  }

  #spawnFailed(generation: number, message: string, askedAtMs: number): void {
    this.#ports.report({ type: 'spawnFailed', pool: this.#pool, message });
    this.#listener.spawnFailed(generation, message, askedAtMs);
  }

  #effect(worker: WorkerHandle, effect: Effect, config: PoolConfig): void {
    const { keeper, report, now } = this.#ports;
    const { pid } = worker;
    switch (effect) {
      case 'sendStopSignal':
        keeper.post('signal', { pid, signal: (worker.startedWith ?? config).stopSignal });
        break;
      case 'sendKill':
        keeper.post('signal', { pid, signal: 'SIGKILL' });
        break;
      case 'reportReady':
        report({
          type: 'workerReady',
          pool: this.#pool,
          pid,
          afterMs: Math.round(now() - worker.startedAtMs),
        });
        break;
      case 'reportStartTimeout':
        report({ type: 'startTimedOut', pool: this.#pool, pid, timeoutMs: config.startTimeoutMs });
        break;
      case 'reportOutOfTime':
        report({ type: 'outOfTime', pool: this.#pool, pid, timeoutMs: config.processControlTimeoutMs });
        break;
      case 'reportCut':
        report({ type: 'cut', pool: this.#pool, pid, timeoutMs: config.processControlTimeoutMs });
        break;
      case 'reportExit':
        this.#reportExit(worker);
        break;
    }
  }

  #reportExit(worker: WorkerHandle): void {
    const { exit, pid } = worker;
    if (exit === null) return;
    const uptimeMs = Math.round(this.#ports.now() - worker.startedAtMs);
    const reason = worker.reason ?? 'ended';
    const isUnasked = reason === 'ended';
    const kill = isUnasked && exit.signal === 'SIGKILL' ? this.#lookAtMemory() : null;
    const memory = kill?.text ?? null;
    // Whose child it was has been told, and that keeper is gone: what is not known is not held against it.
    const isUnknown = exit.code === null && exit.signal === null;
    const inStorm = isUnasked && isCrash(exit.signal) && this.#listener.crashed(exit.signal ?? '');
    this.#ports.report({ type: 'exited', pool: this.#pool, pid, exit, uptimeMs, reason, memory, inStorm });
    if ((!isUnasked || isUnknown) && reason !== 'startTimeout') return;
    this.#listener.died(worker, kill?.isRuledOut === true);
  }

  /** Whether a SIGKILL that was not ours may have been the kernel's, for memory. */
  #lookAtMemory(): { readonly text: string; readonly isRuledOut: boolean } {
    const before = this.#oom;
    this.#oom = readOomCounters();
    return { text: describeOom(before, this.#oom), isRuledOut: isOutOfMemoryRuledOut(before, this.#oom) };
  }
}

function isOutOfTime(phase: WorkerPhase, forMs: number, config: PoolConfig): boolean {
  if (phase === 'ending') return forMs >= KILL_AFTER_MS;
  return (phase === 'stopping' || phase === 'leaving') && forMs >= config.processControlTimeoutMs;
}
