/**
 * Requests that take too long, told by their connections: a connection that is older than any short
 * request is followed until it is closed, and its worker is looked at ten times a second.
 */
import type { PoolConfig } from '../../config/types.ts';
import { findHolders, type Holder, stillHolds } from '../../observe/connection-holders.ts';
import { connectionsOf, Sightings } from '../../observe/families.ts';
import { cpuSecondsOf } from '../../observe/usage.ts';
import type { LookBudget } from '../../os/look-budget.ts';
import { firstDescendants, threads } from '../../os/proc.ts';
import { type TcpProgress, tcpProgress } from '../../os/tcp-progress.ts';
import { PROTOCOLS } from '../../protocols/names.ts';
import { callCounts, waitsFor } from '../../worker/activity.ts';
import { afterLook, type RequestLook, type RequestMemory } from './request-age.ts';

const LOOK_EVERY_MS = 100;
/** A younger connection is nobody's business; within this time it is not seen when a kept one carries another request. */
const FOLLOWED_FROM_MS = 250;

export interface LongRequest {
  readonly connection: number;
  readonly holder: Holder;
  /** Connections of its worker, where several are served at a time; null: it cannot be told. */
  readonly inFlight: number | null;
  /** How old the connection is, and the request in flight. */
  readonly connectionMs: number;
  readonly requestMs: number;
  /** CPU time of the worker with its children, and in how long. */
  readonly cpuMs: number;
  readonly cpuOverMs: number;
}

interface Followed {
  readonly holder: Holder;
  readonly seenMs: number;
  memory: RequestMemory;
  cpu: { readonly atMs: number; readonly seconds: number };
}

export class RequestWatch {
  readonly #sightings = new Sightings();
  readonly #followed = new Map<number, Followed>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** Whether the pool's connections are wanted now. */
  isLookDue(config: PoolConfig, nowMs: number): boolean {
    return shortestTimeoutMs(config) > 0 && nowMs - this.#lookedAtMs >= LOOK_EVERY_MS;
  }

  /**
   * @param accepted connections of all its listeners; workers: their pids
   * @returns the requests that have run for longer than the shortest timeout
   */
  look(
    config: PoolConfig,
    accepted: ReadonlySet<number>,
    workers: Iterable<number>,
    budget: LookBudget,
    nowMs: number,
  ): LongRequest[] {
    const shortestMs = shortestTimeoutMs(config);
    this.#lookedAtMs = nowMs;
    if (shortestMs === 0) {
      this.#followed.clear();
      return [];
    }
    this.#sightings.note(accepted, nowMs);
    this.#follow(accepted, workers, Math.min(FOLLOWED_FROM_MS, shortestMs / 2), budget, nowMs);
    const progress = this.#followed.size === 0 ? NONE : progressOf(config);
    const long: LongRequest[] = [];
    for (const [connection, followed] of this.#followed) {
      if (!stillHolds(followed.holder, connection)) this.#followed.delete(connection);
      else {
        lookAt(followed, progress.get(connection) ?? null, config, budget, nowMs);
        const { holder, seenMs, memory, cpu } = followed;
        const requestMs = nowMs - memory.sinceMs;
        if (requestMs < shortestMs) continue;
        const cpuMs = (cpuSecondsOf(firstDescendants(holder.worker, budget)) - cpu.seconds) * 1000;
        const connectionMs = nowMs - seenMs;
        const inFlight = config.pm.workerConcurrency > 1 ? inFlightOf(holder, accepted, budget) : 1;
        const cpuOverMs = nowMs - cpu.atMs;
        long.push({ connection, holder, inFlight, connectionMs, requestMs, cpuMs, cpuOverMs });
      }
    }
    return long;
  }

  #follow(
    accepted: ReadonlySet<number>,
    workers: Iterable<number>,
    fromMs: number,
    budget: LookBudget,
    nowMs: number,
  ): void {
    const wanted = new Set<number>();
    for (const connection of accepted) {
      const since = this.#sightings.since(connection) ?? nowMs;
      if (nowMs - since >= fromMs && !this.#followed.has(connection)) wanted.add(connection);
    }
    if (wanted.size === 0) return;
    for (const [connection, holder] of findHolders(workers, wanted, budget)) {
      const seenMs = this.#sightings.since(connection) ?? nowMs;
      const cpu = { atMs: nowMs, seconds: cpuSecondsOf(firstDescendants(holder.worker, budget)) };
      this.#followed.set(connection, { holder, seenMs, memory: { sinceMs: seenMs, last: null }, cpu });
    }
  }
}

function inFlightOf({ worker }: Holder, accepted: ReadonlySet<number>, budget: LookBudget): number | null {
  return connectionsOf(worker, accepted, budget)?.length ?? null;
}

/** 0: both are off. */
function shortestTimeoutMs({ requestTerminateTimeoutMs, requestSlowlogTimeoutMs }: PoolConfig): number {
  const set = [requestTerminateTimeoutMs, requestSlowlogTimeoutMs].filter(it => it > 0);
  return set.length === 0 ? 0 : Math.min(...set);
}

function lookAt(
  followed: Followed,
  progress: TcpProgress | null,
  config: PoolConfig,
  budget: LookBudget,
  nowMs: number,
): void {
  const { holder, memory } = followed;
  const look = lookOf(holder, progress, config, budget);
  followed.memory = afterLook(memory, look, PROTOCOLS[config.protocol].hasOneRequest, nowMs);
  if (followed.memory.sinceMs === memory.sinceMs) return;
  followed.cpu = { atMs: nowMs, seconds: cpuSecondsOf(firstDescendants(holder.worker, budget)) };
}

function lookOf(
  { process, descriptor }: Holder,
  progress: TcpProgress | null,
  { pm }: PoolConfig,
  budget: LookBudget,
): RequestLook {
  const isWaiting = waitsFor(process, descriptor, budget);
  // Of a process with several requests in hand, it cannot be told for which of them it read and wrote.
  const isAlone =
    pm.workerConcurrency === 1 || (isWaiting !== null && threads(process, budget)?.length === 1);
  return {
    isWaiting,
    calls: isAlone && progress === null ? callCounts(process) : null,
    bytes:
      progress === null
        ? null
        : {
            received: progress.receivedBytes,
            sent: progress.sentBytes,
            isAnsweredLast: progress.sentBytes > 0 && progress.sentAgoMs <= progress.receivedAgoMs,
          },
  };
}

const NONE: ReadonlyMap<number, TcpProgress> = new Map();

function progressOf({ listen: { address } }: PoolConfig): ReadonlyMap<number, TcpProgress> {
  if (address.type !== 'tcp') return NONE;
  const ports = [address.port];
  return new Map([...(tcpProgress(4, ports) ?? NONE), ...(tcpProgress(6, ports) ?? NONE)]);
}
