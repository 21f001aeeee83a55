/** request_slowlog_timeout and request_terminate_timeout: what request-watch.ts has found is told, and ended. */
import type { PoolConfig } from '../config/types.ts';
import type { PoolEvent, RequestFacts } from '../observe/events.ts';
import { connectionsOf } from '../observe/families.ts';
import { describeActivity, kernelStack } from '../worker/activity.ts';
import { overdueRule } from '../worker/overdue.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Crew } from './crew.ts';
import { isOursToReplace } from './pool-listener.ts';
import { type LongRequest, RequestWatch } from './request-watch.ts';
import type { Retirement } from './retirement.ts';

interface Told {
  isSlow: boolean;
  isDrained: boolean;
}

export interface RequestSight {
  readonly nowMs: number;
  readonly config: PoolConfig;
  /** Accepted connections of all its listeners. */
  readonly accepted: ReadonlySet<number>;
  /** The socket inode of the serving listener. */
  readonly listenerInode: number | null;
}

export class RequestTimeouts {
  /** Requests that took longer than request_slowlog_timeout. */
  slow = 0;
  readonly #watch = new RequestWatch();
  readonly #crew: Crew;
  readonly #retirement: Retirement;
  readonly #report: (event: PoolEvent) => void;
  /** By connection: what was said of its request in hand. */
  #told = new Map<number, Told>();

  constructor(crew: Crew, retirement: Retirement, report: (event: PoolEvent) => void) {
    this.#crew = crew;
    this.#retirement = retirement;
    this.#report = report;
  }

  isLookDue(config: PoolConfig, nowMs: number): boolean {
    return this.#watch.isLookDue(config, nowMs);
  }

  /** @returns `roll`: a new generation is to take over, so that a worker with innocent neighbours can be emptied */
  turn(sight: RequestSight): 'nothing' | 'roll' {
    const { config, accepted, nowMs } = sight;
    const workers = [...this.#crew.workers.values()].filter(
      it => it.phase !== 'killed' && it.phase !== 'leaving',
    );
    const pids = workers.map(({ pid }) => pid);
    const long = this.#watch.look(config, accepted, pids, nowMs);
    const told = this.#told;
    this.#told = new Map(
      long.map(({ connection }) => [connection, told.get(connection) ?? { isSlow: false, isDrained: false }]),
    );
    const { requestSlowlogTimeoutMs: slowMs, requestTerminateTimeoutMs: longestMs } = config;
    const overdue = long.filter(({ requestMs }) => longestMs > 0 && requestMs >= longestMs);
    for (const it of long) if (slowMs > 0 && it.requestMs >= slowMs) this.#tellSlow(it, config);
    return overdue.filter(it => this.#end(it, overdue, sight)).length > 0 ? 'roll' : 'nothing';
  }

  #tellSlow(request: LongRequest, config: PoolConfig): void {
    const told = this.#told.get(request.connection);
    if (told === undefined || told.isSlow) return;
    told.isSlow = true;
    this.#report({
      type: 'slowRequest',
      ...factsOf(request, config),
      timeoutMs: config.requestSlowlogTimeoutMs,
      stack: kernelStack(request.holder.process),
    });
    this.slow++;
  }

  /** @returns whether a new generation is to take over for it */
  #end(request: LongRequest, all: readonly LongRequest[], sight: RequestSight): boolean {
    const { config, accepted, listenerInode } = sight;
    const worker = this.#crew.workers.get(request.holder.worker);
    if (worker === undefined || worker.phase === 'killed') return false;
    const rule = overdueRule({
      concurrency: config.pm.workerConcurrency,
      isDraining: !worker.isStaying,
      inHand: worker.listenerInode === listenerInode ? null : inHand(worker, accepted),
      overdue: all.filter(({ holder }) => holder.worker === worker.pid).length,
    });
    if (rule === 'wait') return false;
    if (rule === 'kill') {
      this.#tellEnd(request, config, 'killed');
      this.#crew.happen(worker, { type: 'kill', reason: 'requestTimeout' }, config);
      return false;
    }
    const told = this.#told.get(request.connection);
    if (told !== undefined && !told.isDrained) {
      told.isDrained = true;
      this.#tellEnd(request, config, 'drained');
    }
    if (isOursToReplace(config)) return true;
    this.#retirement.leave(worker, 'requestTimeout', config, false);
    return false;
  }

  #tellEnd(request: LongRequest, config: PoolConfig, ends: 'killed' | 'drained'): void {
    const timeoutMs = config.requestTerminateTimeoutMs;
    this.#report({ type: 'requestTimedOut', ...factsOf(request, config), timeoutMs, ends });
  }
}

function inHand(worker: WorkerHandle, accepted: ReadonlySet<number>): number | null {
  return connectionsOf(worker.pid, accepted)?.length ?? null;
}

function factsOf({ holder, ...times }: LongRequest, { name }: PoolConfig): RequestFacts {
  return {
    pool: name,
    pid: holder.worker,
    process: holder.process,
    requestMs: Math.round(times.requestMs),
    connectionMs: Math.round(times.connectionMs),
    blockedIn: describeActivity(holder.process),
    cpuMs: Math.round(times.cpuMs),
    cpuOverMs: Math.round(times.cpuOverMs),
  };
}
