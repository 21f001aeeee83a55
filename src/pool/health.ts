/** What the deaths of a pool's workers say about its command: how soon to try again, and whether it works at all. Pure. */
import type { Exit } from '../keeper/protocol.ts';
import { afterCalm, afterCrash, CALM, type StormMemory } from './crash-storm.ts';
import {
  afterDeath,
  afterSuccess,
  FAILED_AFTER_ATTEMPTS,
  NO_FAILURES,
  type RestartMemory,
} from './restart-limit.ts';

export interface Health {
  readonly restart: RestartMemory;
  readonly storm: StormMemory;
  /** A worker never accepted within start_timeout, and since then the pool has not been whole. */
  readonly isStartTimedOut: boolean;
  /** Why the last worker that ended by itself did, or why none could be started. */
  readonly lastFailure: string;
  /** How it did; null: it could not be started, or had to be killed because it never accepted. */
  readonly lastExit: Exit | null;
}

export const HEALTHY: Health = {
  restart: NO_FAILURES,
  storm: CALM,
  isStartTimedOut: false,
  lastFailure: '',
  lastExit: null,
};

export interface Death {
  readonly startedAtMs: number;
  readonly wasReady: boolean;
  /** It was killed because it did not accept within start_timeout. */
  readonly isStartTimeout: boolean;
}

/** Workers died young again and again, or never accepted: as long as none is ready, the pool has failed. */
export function isHopeless({ restart, isStartTimedOut }: Health): boolean {
  return restart.failedAttempts >= FAILED_AFTER_ATTEMPTS || isStartTimedOut;
}

/** A worker of the serving generation ended by itself, or could not be started. */
export function afterWorkerDeath(health: Health, death: Death, nowMs: number): Health {
  const { startedAtMs, wasReady, isStartTimeout } = death;
  // In a storm, having lived for a while does not count: what kills them will come again.
  const counts = wasReady && health.storm.storm === null;
  return {
    ...health,
    isStartTimedOut: health.isStartTimedOut || isStartTimeout,
    restart: afterDeath(health.restart, startedAtMs, counts, nowMs),
  };
}

/** A worker has been ready. */
export function afterReady(health: Health, startedAtMs: number, nowMs: number): Health {
  const restart = afterSuccess(health.restart, startedAtMs, nowMs);
  // One that was started after the last that never accepted does.
  const isStartTimedOut = health.isStartTimedOut && startedAtMs < health.restart.countedAtMs;
  if (restart === health.restart && isStartTimedOut === health.isStartTimedOut) return health;
  return { ...health, restart, isStartTimedOut };
}

/** Another command, or another try on request: what was before does not count. */
export function anew(health: Health): Health {
  return { ...health, restart: NO_FAILURES, isStartTimedOut: false };
}

/** A worker ended with the signal of a crash. */
export function afterCrashOf(health: Health, nowMs: number): Health {
  return { ...health, storm: afterCrash(health.storm, nowMs) };
}

/** Time has passed. */
export function afterTime(health: Health, nowMs: number): Health {
  const storm = afterCalm(health.storm, nowMs);
  return storm === health.storm ? health : { ...health, storm };
}
