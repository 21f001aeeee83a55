/** What the deaths of a pool's workers say about its command: how soon to try again, and whether it works at all. */
import type { Exit } from '../keeper/protocol.ts';
import type { PoolEvent } from '../observe/events.ts';
import { holdersOf, nameHolders } from '../observe/strangers.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import { afterCalm, afterCrash, CALM, type StormMemory } from './crash-storm.ts';
import {
  afterDeath,
  afterSuccess,
  FAILED_AFTER_ATTEMPTS,
  NO_FAILURES,
  type RestartMemory,
} from './restart-limit.ts';

/** Going into the background is what a program does first. */
const SOON_MS = 5000;

export interface Death {
  readonly startedAtMs: number;
  readonly wasReady: boolean;
  /** It was killed because it did not accept within start_timeout. */
  readonly isStartTimeout: boolean;
  /** Somebody else killed it, which says nothing about its command. */
  readonly isMurder: boolean;
}

export class Health {
  /** Why the last worker that ended by itself did, or why none could be started. */
  lastFailure = '';
  /** How it did; null: it could not be started, or had to be killed because it never accepted. */
  lastExit: Exit | null = null;
  #restart: RestartMemory = NO_FAILURES;
  #isStartTimedOut = false;
  #storm: StormMemory = CALM;
  readonly #pool: string;
  readonly #report: (event: PoolEvent) => void;

  constructor(pool: string, report: (event: PoolEvent) => void) {
    this.#pool = pool;
    this.#report = report;
  }

  get restart(): RestartMemory {
    return this.#restart;
  }

  /** Workers died young again and again, or never accepted: as long as none is ready, the pool has failed. */
  get isHopeless(): boolean {
    return this.#restart.failedAttempts >= FAILED_AFTER_ATTEMPTS || this.#isStartTimedOut;
  }

  /**
   * Says why a worker ended, and keeps it for the status.
   * @param others the pool's other workers
   */
  note(worker: WorkerHandle, others: readonly number[], nowMs: number, startTimeoutMs: number): string {
    this.lastFailure = failureText(worker, others, nowMs, startTimeoutMs);
    this.lastExit = worker.reason === 'startTimeout' ? null : worker.exit;
    return this.lastFailure;
  }

  /** None could be started. */
  spawnFailed(message: string): void {
    this.lastFailure = message;
    this.lastExit = null;
  }

  /** A worker ended with the signal of a crash. @returns whether it is one of a storm, which is told as one */
  crashed(signal: string, nowMs: number): boolean {
    const wasStorm = this.#storm.storm !== null;
    this.#storm = afterCrash(this.#storm, nowMs);
    const { storm } = this.#storm;
    if (storm === null || wasStorm) return wasStorm;
    const withinMs = Math.round(nowMs - storm.sinceMs);
    this.#report({ type: 'crashStorm', pool: this.#pool, signal, crashes: storm.crashes, withinMs });
    return true;
  }

  /** Time has passed. */
  turn(nowMs: number): void {
    const { storm } = this.#storm;
    if (storm === null) return;
    this.#storm = afterCalm(this.#storm, nowMs);
    if (this.#storm.storm !== null) return;
    const forMs = Math.round(storm.lastMs - storm.sinceMs);
    this.#report({ type: 'crashStormOver', pool: this.#pool, crashes: storm.crashes, forMs });
  }

  /** A worker of the serving generation ended by itself, or could not be started. */
  died({ startedAtMs, wasReady, isStartTimeout, isMurder }: Death, nowMs: number): void {
    if (isMurder) return;
    this.#isStartTimedOut ||= isStartTimeout;
    const before = this.#restart;
    // In a storm, having lived for a while does not count: what kills them will come again.
    this.#restart = afterDeath(before, startedAtMs, wasReady && this.#storm.storm === null, nowMs);
    const { failedAttempts, notBeforeMs } = this.#restart;
    if (this.#restart === before || notBeforeMs <= nowMs) return;
    const delayMs = Math.round(notBeforeMs - nowMs);
    this.#report({ type: 'backingOff', pool: this.#pool, attempts: failedAttempts, delayMs });
  }

  /** These are ready. */
  succeeded(workers: readonly WorkerHandle[], nowMs: number): void {
    for (const { startedAtMs } of workers) this.#restart = afterSuccess(this.#restart, startedAtMs, nowMs);
  }

  /** All that should be ready are. */
  whole(): void {
    this.#isStartTimedOut = false;
  }

  /** Another command, or another try on request: what was before does not count. */
  reset(): void {
    this.#restart = NO_FAILURES;
    this.#isStartTimedOut = false;
  }
}

function failureText(
  worker: WorkerHandle,
  others: readonly number[],
  nowMs: number,
  startTimeoutMs: number,
): string {
  if (worker.reason === 'startTimeout') {
    return `worker ${worker.pid} did not accept on its listener within start_timeout (${startTimeoutMs} ms)`;
  }
  const how = worker.exit?.signal ?? `code ${worker.exit?.code}`;
  const uptimeMs = Math.round(nowMs - worker.startedAtMs);
  const ended = `worker ${worker.pid} ended with ${how} ${uptimeMs} ms after its start`;
  const left = worker.exit?.code === 0 && uptimeMs <= SOON_MS ? leftBy(worker, others) : '';
  if (left === '') return `${ended}; its output is in the log`;
  return `${ended}, and ${left} has its listener: it seems to have gone into the background. Run it in the foreground (many programs have an option for that), and end what it left`;
}

/** Whoever has the listener of a worker that ended, and is no worker. */
function leftBy({ listenerInode, startedWith }: WorkerHandle, others: readonly number[]): string {
  // One of the service manager's is held by whoever opened it, and should be.
  if (listenerInode === null || startedWith?.listen.address.type === 'systemd') return '';
  return nameHolders(holdersOf(new Set([listenerInode]), new Set(others)));
}
