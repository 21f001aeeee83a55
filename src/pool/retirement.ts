/**
 * The door through which workers leave: scale-down, recycling, reload and stop all come here, and the rule that holds
 * for a worker (worker/retirement.ts) says how (DESIGN D3).
 */

import type { PoolConfig } from '../config/types.ts';
import type { LeaveReason } from '../observe/events.ts';
import { connectionsOf } from '../observe/families.ts';
import { type FreezeOutcome, freezeLookKill, isHeldByOthers } from '../worker/freeze.ts';
import { FROZEN, type RetirementRule, RULES, retirementRule } from '../worker/retirement.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Crew, PoolPorts } from './crew.ts';
import type { Diary } from './diary.ts';

/** So many are frozen at once: the others go on serving. */
const MOST_FROZEN = 4;
/** Where workers that should leave have no idle moment for so long, a new generation takes over. */
export const NO_IDLE_MOMENT_MS = 2000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

interface Attempt {
  readonly notBeforeMs: number;
  readonly pauseMs: number;
}

export class Retirement {
  readonly #crew: Crew;
  readonly #ports: PoolPorts;
  /** Workers that are frozen at this moment. */
  readonly #frozen = new Set<number>();
  readonly #attempts = new Map<number, Attempt>();

  readonly #diary: Diary;

  constructor(crew: Crew, ports: PoolPorts, diary: Diary) {
    this.#crew = crew;
    this.#ports = ports;
    this.#diary = diary;
  }

  /** It leaves as soon as it may, and after process_control_timeout in any case. */
  leave(worker: WorkerHandle, reason: LeaveReason, config: PoolConfig, isListenerClosing: boolean): void {
    const rule = this.#ruleFor(worker, config, isListenerClosing);
    const type = rule === 'none' || rule === 'tell' ? 'stop' : 'drain';
    this.#crew.happen(worker, { type, reason }, config);
    this.#note(`a worker is to leave (${reason})`, rule, RULES[rule]);
  }

  #ruleFor(worker: WorkerHandle, config: PoolConfig, isListenerClosing: boolean): RetirementRule {
    const { stopIsGraceful } = worker.startedWith ?? config;
    return retirementRule({
      hasListener: worker.listenerInode !== null,
      isListenerClosing,
      isGraceful: stopIsGraceful,
    });
  }

  /**
   * Sends away so many of them, the idle ones first; none that somebody else has stopped or traces. A busy one goes
   * only when its program finishes what it has in hand; otherwise whoever turns out to be busy stays.
   * @param accepted connections of the listener at the last look; null: not seen
   */
  leaveIdle(
    workers: readonly WorkerHandle[],
    count: number,
    config: PoolConfig,
    accepted: ReadonlySet<number> | null,
    reason: LeaveReason,
  ): void {
    const now = this.#ports.now();
    const due = youngestFirst(workers).filter(it => (this.#attempts.get(it.pid)?.notBeforeMs ?? 0) <= now);
    let left = count;
    const busy: WorkerHandle[] = [];
    for (const worker of due) {
      if (left === 0) break;
      if (!this.#frozen.has(worker.pid) && isHeldByOthers(worker.pid)) this.#pause(worker.pid, 'spared');
      else if (!isIdle(worker, accepted)) busy.push(worker);
      else if (this.#ruleFor(worker, config, false) !== 'freeze') left -= this.#tell(worker, reason, config);
      else if (this.#freeze(worker, reason, config)) left--;
    }
    for (const worker of busy.slice(0, left)) {
      if (this.#ruleFor(worker, config, false) === 'freeze') continue;
      left -= this.#tell(worker, reason, config);
    }
  }

  /** Looks again at those that are to leave and were busy. @param isClosing whether that listener gets nothing new */
  turn(config: PoolConfig, isClosing: (listenerInode: number) => boolean): void {
    const now = this.#ports.now();
    for (const worker of this.#crew.draining()) {
      const { listenerInode, reason } = worker;
      if (listenerInode === null || isClosing(listenerInode)) continue;
      if ((this.#attempts.get(worker.pid)?.notBeforeMs ?? 0) > now) continue;
      if (!this.#freeze(worker, reason ?? 'replaced', config)) return;
    }
  }

  gone(pid: number): void {
    this.#attempts.delete(pid);
  }

  #tell(worker: WorkerHandle, reason: LeaveReason, config: PoolConfig): 1 {
    const rule = this.#ruleFor(worker, config, false);
    this.#crew.happen(worker, { type: 'stop', reason }, config);
    this.#note(`a worker leaves (${reason})`, rule, RULES[rule]);
    return 1;
  }

  /** @returns false: too many are frozen already */
  #freeze(worker: WorkerHandle, reason: LeaveReason, config: PoolConfig): boolean {
    const { pid, listenerInode } = worker;
    if (listenerInode === null || this.#frozen.has(pid)) return true;
    if (this.#frozen.size >= MOST_FROZEN) return false;
    void this.#freezeNow(worker, listenerInode, reason, config);
    return true;
  }

  async #freezeNow(
    worker: WorkerHandle,
    listenerInode: number,
    reason: LeaveReason,
    config: PoolConfig,
  ): Promise<void> {
    const { pid } = worker;
    this.#frozen.add(pid);
    const outcome = await freezeLookKill(this.#ports.keeper, pid, listenerInode, () =>
      this.#crew.announce(worker, { type: 'drain', reason }),
    ).catch(() => 'spared' as const);
    this.#frozen.delete(pid);
    this.#note(`a worker was frozen (${reason})`, outcome, FROZEN[outcome]);
    if (outcome === 'killed') this.#crew.happen(worker, { type: 'killedIdle', reason }, config);
    else {
      this.#crew.announce(worker, null);
      this.#pause(pid, outcome);
    }
    this.#ports.wake();
  }

  #note(what: string, code: string, text: string): void {
    this.#diary.write(this.#ports.now(), what, [{ code, text, numbers: {} }]);
  }

  #pause(pid: number, outcome: FreezeOutcome): void {
    const before = this.#attempts.get(pid)?.pauseMs ?? FIRST_PAUSE_MS / 2;
    const pauseMs = outcome === 'busy' ? Math.min(LONGEST_PAUSE_MS, before * 2) : LONGEST_PAUSE_MS;
    this.#attempts.set(pid, { notBeforeMs: this.#ports.now() + pauseMs, pauseMs });
  }
}

/** They have the least in their caches. */
export function youngestFirst(workers: readonly WorkerHandle[]): WorkerHandle[] {
  return workers.toSorted((a, b) => b.startedAtMs - a.startedAtMs);
}

function isIdle(worker: WorkerHandle, accepted: ReadonlySet<number> | null): boolean {
  if (worker.listenerInode === null || accepted?.size === 0) return true;
  if (accepted === null) return false;
  return connectionsOf(worker.pid, accepted)?.length === 0;
}
