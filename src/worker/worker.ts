/** One worker as the supervisor knows it: a value. What happens to it makes another value and effects (lifecycle.ts). */
import * as z from 'zod';
import type { PoolConfig } from '../config/types.ts';
import type { Exit, Tag, WorkerState } from '../keeper/protocol.ts';
import { LEAVE_REASONS } from '../observe/events.ts';
import { type Effect, type Lifecycle, newborn, step, WORKER_PHASES, type WorkerEvent } from './lifecycle.ts';

/** A starting worker is looked at again after half its age, but not more often than this. */
const SHORTEST_LOOK_MS = 20;
/** A worker that drains for longer has a long request in flight: it is not looked at as often. */
const LONG_DRAIN_MS = 1000;
/** How often a worker that was told to stop is looked at. */
const REMIND_MS = 250;

export interface Worker extends Lifecycle {
  readonly pid: number;
  readonly generation: number;
  readonly startedAtMs: number;
  /** Of the socket that it serves; null: none. */
  readonly listenerInode: number | null;
  /** Started by a keeper before the one that runs. */
  readonly isAdopted: boolean;
  readonly exit: Exit | null;
  readonly wasReady: boolean;
  /** It was started with these, which during a reload are not the pool's; null: by an earlier supervisor. */
  readonly startedWith: PoolConfig | null;
  readonly nextLookMs: number;
}

export type Born = Pick<Worker, 'pid' | 'generation' | 'startedAtMs' | 'listenerInode' | 'startedWith'>;

export function newWorker(born: Born): Worker {
  return {
    ...born,
    ...newborn(born.startedAtMs),
    isAdopted: false,
    exit: null,
    wasReady: false,
    nextLookMs: born.startedAtMs + SHORTEST_LOOK_MS,
  };
}

const TAG = z.object({
  generation: z.int().min(0),
  listenerInode: z.int().nullable(),
  wasReady: z.boolean(),
  phase: z.enum(WORKER_PHASES),
  sinceMs: z.number(),
  reason: z.enum(LEAVE_REASONS).nullable(),
});

/**
 * A worker that an earlier supervisor started, as its tag says.
 * @throws {Error} when the tag is not one of ours
 */
export function restoreWorker({ pid, tag, startedAtMs, isAdopted }: WorkerState): Worker {
  const parsed = TAG.safeParse(tag);
  if (!parsed.success) throw new Error(`worker ${pid} has a damaged tag: ${z.prettifyError(parsed.error)}`);
  const exit = null; // reported after this, in order
  const nextLookMs = startedAtMs + SHORTEST_LOOK_MS;
  return { pid, startedAtMs, isAdopted, exit, startedWith: null, nextLookMs, ...parsed.data };
}

/** What the next supervisor must know of it. */
export function tagOf(worker: Worker, pool: string): Tag {
  const { generation, listenerInode, wasReady, phase, sinceMs, reason } = worker;
  return { pool, generation, listenerInode, wasReady, phase, sinceMs, reason };
}

/** Takes an event through the lifecycle table. @returns the worker after it, and what is to be done */
export function happen(
  worker: Worker,
  event: WorkerEvent,
  nowMs: number,
): { readonly worker: Worker; readonly effects: readonly Effect[] } {
  const { phase, sinceMs, reason } = worker;
  const { lifecycle, effects } = step({ phase, sinceMs, reason }, event, nowMs);
  const wasReady = worker.wasReady || lifecycle.phase === 'ready';
  return { worker: { ...worker, ...lifecycle, wasReady }, effects };
}

/** It serves or will: nobody has asked it to leave. */
export function isStaying({ phase }: Worker): boolean {
  return phase === 'starting' || phase === 'ready';
}

/** It is on its way in or out, and should be soon. */
export function isPassing({ phase, sinceMs }: Worker, nowMs: number): boolean {
  if (phase === 'draining') return nowMs - sinceMs < LONG_DRAIN_MS;
  return phase === 'starting' || phase === 'ending';
}

/** It ended by itself other than with code 0, as far as we were told, or never accepted. */
export function hasFailed({ exit, reason }: Worker): boolean {
  if (exit === null) return false;
  return reason === 'startTimeout' || (reason === 'ended' && (exit.signal ?? exit.code ?? 0) !== 0);
}

/** Whether it is time to look at a worker: a starting one for its accepting, a told one for its having heard. */
export function isLookDue({ phase, sinceMs, nextLookMs }: Worker, nowMs: number): boolean {
  if (phase === 'starting') return nowMs >= nextLookMs;
  const isTold = phase === 'stopping' || phase === 'ending';
  return isTold && nowMs >= Math.max(nextLookMs, sinceMs + REMIND_MS);
}

/** It should accept by now. @param pool the settings that hold when it does not know its own */
export function isStartTimeUp(
  { phase, startedAtMs, startedWith }: Worker,
  pool: PoolConfig,
  nowMs: number,
): boolean {
  return phase === 'starting' && nowMs - startedAtMs >= (startedWith ?? pool).startTimeoutMs;
}

/** It has been looked at: it is looked at again later and later. */
export function afterLook(worker: Worker, nowMs: number): Worker {
  const everyMs =
    worker.phase === 'starting' ? Math.max(SHORTEST_LOOK_MS, (nowMs - worker.startedAtMs) / 2) : REMIND_MS;
  return { ...worker, nextLookMs: nowMs + everyMs };
}

/** The latest to start first: they have the least in their caches. */
export function youngestFirst(workers: readonly Worker[]): Worker[] {
  return workers.toSorted((a, b) => b.startedAtMs - a.startedAtMs);
}
