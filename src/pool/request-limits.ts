/** request_slowlog_timeout and request_terminate_timeout: requests that were seen to take long are reported, and ended. */
import { overdueRule } from '../worker/overdue.ts';
import { isStaying } from '../worker/worker.ts';
import type { Draft } from './draft.ts';
import type { LongRequest } from './observation/request-watch.ts';
import { isOursToReplace } from './pool-listener.ts';
import { isWanted } from './pool-state.ts';
import { leave } from './retire.ts';
import { mayBeginByItself, requestRollout } from './rollout.ts';

export function endLongRequests(draft: Draft, seen: readonly LongRequest[] | null): void {
  if (seen === null) return;
  const { requestSlowlogTimeoutMs: slowMs, requestTerminateTimeoutMs: longestMs } = draft.state.config;
  const before = draft.state.reported;
  if (seen.length === 0 && before.size === 0) return;
  const reported = new Map(
    seen.map(({ connection }) => [connection, before.get(connection) ?? { isSlow: false, isDrained: false }]),
  );
  draft.set({ reported });
  for (const it of seen) if (slowMs > 0 && it.requestMs >= slowMs) reportSlow(draft, it);
  const overdue = seen.filter(({ requestMs }) => longestMs > 0 && requestMs >= longestMs);
  const isToRoll = overdue.filter(it => end(draft, it, overdue)).length > 0;
  if (isToRoll && isWanted(draft.state) && mayBeginByItself(draft.state, draft.nowMs))
    requestRollout(draft, null);
}

function reportSlow(draft: Draft, request: LongRequest): void {
  const { reported, counters, config } = draft.state;
  const before = reported.get(request.connection);
  if (before === undefined || before.isSlow) return;
  draft.set({
    reported: new Map(reported).set(request.connection, { ...before, isSlow: true }),
    counters: { ...counters, slow_requests: counters.slow_requests + 1 },
  });
  const timeoutMs = config.requestSlowlogTimeoutMs;
  draft.act({ type: 'reportRequest', event: 'slow', request, timeoutMs });
}

/** @returns whether a new generation is to take over, so that a worker with innocent neighbours can be emptied */
function end(draft: Draft, request: LongRequest, all: readonly LongRequest[]): boolean {
  const { workers, config, listener, reported } = draft.state;
  const worker = workers.get(request.holder.worker);
  if (worker === undefined || worker.phase === 'killed') return false;
  const timeoutMs = config.requestTerminateTimeoutMs;
  const rule = overdueRule({
    concurrency: config.pm.workerConcurrency,
    isDraining: !isStaying(worker),
    inHand: worker.listenerInode === (listener?.inode ?? null) ? null : request.inFlight,
    overdue: all.filter(({ holder }) => holder.worker === worker.pid).length,
  });
  if (rule === 'wait') return false;
  if (rule === 'kill') {
    draft.act({ type: 'reportRequest', event: 'killed', request, timeoutMs });
    draft.leave(worker.pid, 'kill', 'requestTimeout');
    return false;
  }
  const before = reported.get(request.connection);
  if (before !== undefined && !before.isDrained) {
    draft.set({ reported: new Map(reported).set(request.connection, { ...before, isDrained: true }) });
    draft.act({ type: 'reportRequest', event: 'drained', request, timeoutMs });
  }
  if (isOursToReplace(config)) return true;
  leave(draft, worker, 'requestTimeout');
  return false;
}
