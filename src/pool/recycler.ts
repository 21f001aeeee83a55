/**
 * Replaces workers that have used too much memory or are too old: first another one is started in its place, then it
 * leaves through the door that all workers leave by (retirement.ts).
 */
import type { PoolConfig } from '../config/types.ts';
import type { LeaveReason, PoolEvent } from '../observe/events.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Diary } from './diary.ts';
import { MemoryWatch } from './memory-watch.ts';
import { isOursToReplace } from './pool-listener.ts';
import { type Due, placesAtOnce, whoIsDue } from './recycling.ts';
import { NO_IDLE_MOMENT_MS, type Retirement } from './retirement.ts';
import { becauseOf, describeReason } from './scaling/why.ts';

export interface RecyclerSight {
  readonly nowMs: number;
  readonly config: PoolConfig;
  /** Those that serve. */
  readonly ready: readonly WorkerHandle[];
  /** Workers that are on their way out already. */
  readonly leaving: number;
  /** Some are on their way in, or start only to die. */
  readonly isFilling: boolean;
  readonly accepted: ReadonlySet<number> | null;
  /** Another generation is to take over anyway. */
  readonly isRolling: boolean;
}

interface Outgoing {
  readonly reason: LeaveReason;
  /** When its place was given to another one. */
  readonly sinceMs: number;
  /** When it was first to leave; null: its successor is not there yet. */
  triedSinceMs: number | null;
}

export class Recycler {
  readonly #pool: string;
  readonly #retirement: Retirement;
  readonly #diary: Diary;
  readonly #report: (event: PoolEvent) => void;
  readonly #memory = new MemoryWatch();
  readonly #outgoing = new Map<number, Outgoing>();

  constructor(pool: string, retirement: Retirement, diary: Diary, report: (event: PoolEvent) => void) {
    this.#pool = pool;
    this.#retirement = retirement;
    this.#diary = diary;
    this.#report = report;
  }

  /** Workers that serve until they are replaced: others are to be started in their place. */
  get outgoing(): number {
    return this.#outgoing.size;
  }

  /** @returns `roll`: those that are to leave have no idle moment, a generation is to take over; `stir`: news */
  turn(sight: RecyclerSight): 'nothing' | 'stir' | 'roll' {
    const { ready, config } = sight;
    const isOff = config.pm.maxMemoryBytes === 0 && config.pm.maxLifetimeMs === 0;
    this.#forget(isOff ? [] : ready);
    if (isOff || sight.isRolling) return 'nothing';
    const isStuck = this.#sendAway(sight);
    const still = ready.filter(({ phase }) => phase === 'ready');
    this.#forget(still);
    if (isStuck && isOursToReplace(config)) return 'roll';
    const leaving = sight.leaving + ready.length - still.length;
    return this.#choose({ ...sight, ready: still, leaving }) > 0 ? 'stir' : 'nothing';
  }

  #forget(ready: readonly WorkerHandle[]): void {
    const pids = new Set(ready.map(({ pid }) => pid));
    for (const pid of this.#outgoing.keys()) if (!pids.has(pid)) this.#outgoing.delete(pid);
  }

  /** @returns how many more are to be replaced */
  #choose({ config, ready, leaving, nowMs }: RecyclerSight): number {
    const { pm } = config;
    const pids = ready.map(({ pid }) => pid);
    if (pm.maxMemoryBytes > 0) this.#memory.turn(pids, pm.maxMemoryBytes, nowMs);
    const places = placesAtOnce(ready.length) - leaving - this.#outgoing.size;
    if (places <= 0) return 0;
    const candidates = ready
      .filter(({ pid }) => !this.#outgoing.has(pid))
      .map(({ pid, startedAtMs }) => ({ pid, startedAtMs, memoryBytes: this.#memory.memoryOf(pid) }));
    const due = whoIsDue(candidates, pm, nowMs).slice(0, places);
    for (const it of due) this.#announce(it, nowMs);
    return due.length;
  }

  #announce({ pid, why }: Due, nowMs: number): void {
    const reason = why.code === 'max-memory' ? 'maxMemory' : 'maxLifetime';
    this.#outgoing.set(pid, { reason, sinceMs: nowMs, triedSinceMs: null });
    this.#diary.write(nowMs, 'replace a worker', [becauseOf(why)]);
    this.#report({ type: 'recycling', pool: this.#pool, pid, reason: describeReason(why) });
  }

  /** @returns whether somebody was to leave for so long and had no idle moment */
  #sendAway({ ready, config, accepted, isFilling, nowMs }: RecyclerSight): boolean {
    let isStuck = false;
    for (const worker of ready) {
      const outgoing = this.#outgoing.get(worker.pid);
      // The turn after it was chosen, at the earliest: by then a successor is on its way where one is needed.
      if (outgoing === undefined || outgoing.sinceMs === nowMs) continue;
      if (outgoing.triedSinceMs === null && isFilling) continue;
      outgoing.triedSinceMs ??= nowMs;
      this.#retirement.leaveIdle([worker], 1, config, accepted, outgoing.reason);
      if (nowMs - outgoing.triedSinceMs < NO_IDLE_MOMENT_MS) continue;
      isStuck = true;
      // Where no other generation can take over, it has its time like one that is told.
      if (!isOursToReplace(config)) this.#retirement.leave(worker, outgoing.reason, config, false);
    }
    return isStuck;
  }
}
