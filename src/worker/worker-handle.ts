/** The supervisor's view of one worker: its place in the lifecycle, and when to look at it again. */
import type { PoolConfig } from '../config/types.ts';
import type { Exit, Tag, WorkerState } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import {
  type Effect,
  type Lifecycle,
  newborn,
  step,
  type WorkerEvent,
  type WorkerPhase,
} from './lifecycle.ts';

/** A starting worker is looked at again after half its age, but not more often than this. */
const SHORTEST_LOOK_MS = 20;
const LONG_DRAIN_MS = 1000;
/** How often a worker that was told to stop is looked at. */
const REMIND_MS = 250;

export class WorkerHandle {
  readonly pid: number;
  readonly generation: number;
  readonly startedAtMs: number;
  /** Of the socket that it serves; null: none. */
  readonly listenerInode: number | null;
  /** Started by a keeper before the one that runs. */
  readonly isAdopted: boolean;
  exit: Exit | null = null;
  /** What it was started with, which during a reload is not what the pool has; null: an earlier supervisor's. */
  startedWith: PoolConfig | null = null;
  #lifecycle: Lifecycle;
  #wasReady = false;
  #nextLookMs: number;

  constructor(
    pid: number,
    born: Pick<WorkerHandle, 'generation' | 'startedAtMs' | 'listenerInode'>,
    isAdopted = false,
  ) {
    const { generation, startedAtMs, listenerInode } = born;
    this.pid = pid;
    this.generation = generation;
    this.startedAtMs = startedAtMs;
    this.listenerInode = listenerInode;
    this.isAdopted = isAdopted;
    this.#lifecycle = newborn(startedAtMs);
    this.#nextLookMs = startedAtMs + SHORTEST_LOOK_MS;
  }

  /** A worker that an earlier supervisor started, as its tag says. */
  static restore(state: WorkerState): WorkerHandle {
    const { generation, listenerInode } = state.tag;
    const born = {
      generation: Number(generation),
      startedAtMs: state.startedAtMs,
      listenerInode: listenerInode === null ? null : Number(listenerInode),
    };
    const worker = new WorkerHandle(state.pid, born, state.isAdopted);
    worker.#lifecycle = {
      phase: state.tag.phase as WorkerPhase,
      sinceMs: Number(state.tag.sinceMs),
      reason: state.tag.reason as LeaveReason | null,
    };
    worker.#wasReady = state.tag.wasReady === true;
    return worker;
  }

  get phase(): WorkerPhase {
    return this.#lifecycle.phase;
  }

  get sinceMs(): number {
    return this.#lifecycle.sinceMs;
  }

  get reason(): LeaveReason | null {
    return this.#lifecycle.reason;
  }

  /** It ended by itself other than with code 0, as far as we were told, or never accepted. */
  get hasFailed(): boolean {
    if (this.exit === null) return false;
    const { code, signal } = this.exit;
    return this.reason === 'startTimeout' || (this.reason === 'ended' && (signal ?? code ?? 0) !== 0);
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** It serves or will: nobody has asked it to leave. */
  get isStaying(): boolean {
    return this.phase === 'starting' || this.phase === 'ready';
  }

  /** It is on its way in or out, and should be soon. One that drains for longer has a long request in hand. */
  isPassing(nowMs: number): boolean {
    if (this.phase === 'draining') return nowMs - this.sinceMs < LONG_DRAIN_MS;
    return this.phase === 'starting' || this.phase === 'ending';
  }

  /** Takes the event through the lifecycle table. @returns what is to be done about it */
  happen(event: WorkerEvent, nowMs: number): readonly Effect[] {
    const { lifecycle, effects } = step(this.#lifecycle, event, nowMs);
    this.#lifecycle = lifecycle;
    this.#wasReady ||= lifecycle.phase === 'ready';
    return effects;
  }

  /** What the event would make of it; nothing is done. */
  after(event: WorkerEvent, nowMs: number): Lifecycle {
    return step(this.#lifecycle, event, nowMs).lifecycle;
  }

  /** Whether it is time to see that a worker which was told to stop has heard it. */
  isReminderDue(nowMs: number): boolean {
    const isTold = this.phase === 'stopping' || this.phase === 'ending';
    if (!isTold || nowMs < Math.max(this.#nextLookMs, this.sinceMs + REMIND_MS)) return false;
    this.#nextLookMs = nowMs + REMIND_MS;
    return true;
  }

  /** Whether it is time to look at a starting worker; asks again later and later. */
  isLookDue(nowMs: number): boolean {
    if (this.phase !== 'starting' || nowMs < this.#nextLookMs) return false;
    this.#nextLookMs = nowMs + Math.max(SHORTEST_LOOK_MS, (nowMs - this.startedAtMs) / 2);
    return true;
  }

  /** What the next supervisor must know. */
  tag(pool: string): Tag {
    const { generation, listenerInode, wasReady } = this;
    return { pool, generation, listenerInode, wasReady, ...this.#lifecycle };
  }
}
