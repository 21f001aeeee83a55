/**
 * A pool as the policy would have run it: arrivals come in with their service times, `decide` is asked as often as the
 * supervisor asks it, and workers are ready some time after they were asked for. Discrete events, no clock.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import TinyQueue from 'tinyqueue';
import { NO_FAILURES } from '../restart-limit.ts';
import { decide, type Memory, NEW_POOL } from '../scaling/decide.ts';
import { isWatchedLongEnough, peakOf } from '../scaling/demand.ts';
import { neededFor, type Policy } from '../scaling/policy.ts';
import type { Arrival } from './arrivals.ts';

/** As often as the supervisor looks. */
const TICK_MS = 100;
/** While workers start it looks more often. */
const STARTING_TICK_MS = 20;

export interface Sizing {
  readonly policy: Policy;
  /** From asking for a worker until it accepts. */
  readonly startMs: number;
  /** Connections that may wait; more are refused, as the kernel would. */
  readonly backlog: number;
}

export interface Outcome {
  readonly requests: number;
  /** How long they waited for a worker. */
  readonly waitMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  readonly refused: number;
  readonly workers: { readonly mean: number; readonly max: number };
  /** Beyond those that the pool began with. */
  readonly spawns: number;
}

export class Simulation {
  readonly #sizing: Sizing;
  readonly #waits: RecordableHistogram = createHistogram();
  /** When those that are served will be done, the first in front. */
  readonly #completions = new TinyQueue<number>();
  #waiting: Arrival[] = [];
  /** The first of `#waiting` that still waits: shifting a long array costs too much. */
  #head = 0;
  #ready = 0;
  #starting: { readonly readyAtMs: number; readonly count: number }[] = [];
  #memory: Memory = NEW_POOL;
  #nowMs = 0;
  #beganMs = 0;
  #nextTickMs = 0;
  #requests = 0;
  #refused = 0;
  #spawns = 0;
  #maxWorkers = 0;
  #workerMs = 0;

  constructor(sizing: Sizing) {
    this.#sizing = sizing;
  }

  /** In the order of their arrival. The pool is whole when the first one comes. */
  arrive(arrival: Arrival): void {
    if (this.#requests === 0) this.#begin(arrival.atMs);
    this.#advance(arrival.atMs);
    this.#requests++;
    if (this.#waitingCount >= this.#sizing.backlog) {
      this.#refused++;
      return;
    }
    this.#waiting.push(arrival);
    this.#serve();
    // An on-demand pool without a worker is woken by the connection itself.
    if (this.#ready + this.#comingUp === 0) this.#tick();
    else if (this.#nextTickMs === Number.POSITIVE_INFINITY) this.#wake();
  }

  /** Lets the requests that are under way end. */
  finish(): Outcome {
    const isBusy = (): boolean => this.#completions.length > 0 || this.#waitingCount > 0;
    while (isBusy() && this.#nextEventMs < Number.POSITIVE_INFINITY) this.#advance(this.#nextEventMs);
    const durationMs = this.#nowMs - this.#beganMs;
    const at = (percentile: number): number =>
      this.#requests === 0 ? 0 : toMs(this.#waits.percentile(percentile));
    return {
      requests: this.#requests,
      waitMs: { p50: at(50), p95: at(95), p99: at(99), max: at(100) },
      refused: this.#refused,
      workers: { mean: durationMs === 0 ? this.#ready : this.#workerMs / durationMs, max: this.#maxWorkers },
      spawns: this.#spawns,
    };
  }

  get #waitingCount(): number {
    return this.#waiting.length - this.#head;
  }

  get #comingUp(): number {
    return this.#starting.reduce((sum, { count }) => sum + count, 0);
  }

  get #nextCompletionMs(): number {
    return this.#completions.peek() ?? Number.POSITIVE_INFINITY;
  }

  get #nextEventMs(): number {
    const ready = this.#starting[0]?.readyAtMs ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#nextCompletionMs, ready, this.#nextTickMs);
  }

  #begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#beganMs = nowMs;
    this.#tick();
    // What a pool starts with is there before the first request.
    for (const { count } of this.#starting.splice(0)) this.#ready += count;
    this.#spawns = 0;
  }

  #advance(untilMs: number): void {
    for (let next = this.#nextEventMs; next <= untilMs; next = this.#nextEventMs) {
      this.#passTo(next);
      while (this.#nextCompletionMs <= next) this.#completions.pop();
      while ((this.#starting[0]?.readyAtMs ?? Number.POSITIVE_INFINITY) <= next) {
        this.#ready += this.#starting.shift()?.count ?? 0;
      }
      this.#serve();
      if (this.#nextTickMs <= next) this.#tick();
    }
    this.#passTo(untilMs);
  }

  #passTo(nowMs: number): void {
    this.#workerMs += (this.#ready + this.#comingUp) * (nowMs - this.#nowMs);
    this.#nowMs = nowMs;
  }

  /** Idle workers accept what waits, the oldest first. */
  #serve(): void {
    const slots = this.#ready * this.#sizing.policy.workerConcurrency;
    while (this.#waitingCount > 0 && this.#completions.length < slots) {
      const { atMs, serviceMs } = this.#waiting[this.#head++] ?? { atMs: this.#nowMs, serviceMs: 0 };
      this.#waits.record(Math.max(1, Math.round((this.#nowMs - atMs) * 1000)));
      this.#completions.push(this.#nowMs + serviceMs);
    }
    if (this.#head > 1000 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  #tick(): void {
    const { policy, startMs } = this.#sizing;
    const snapshot = {
      nowMs: this.#nowMs,
      ready: this.#ready,
      starting: this.#comingUp,
      load: { accepted: this.#completions.length, waiting: this.#waitingCount },
      restart: NO_FAILURES,
      allowance: Number.POSITIVE_INFINITY,
      memoryShort: null,
      nextGeneration: null,
    };
    const decision = decide(snapshot, policy, this.#memory);
    this.#memory = decision.memory;
    for (const action of decision.actions) {
      if (action.type === 'retire') this.#retire(action.count);
      else {
        this.#spawns += action.count;
        this.#starting.push({ readyAtMs: this.#nowMs + startMs, count: action.count });
      }
    }
    this.#maxWorkers = Math.max(this.#maxWorkers, this.#ready + this.#comingUp);
    this.#nextTickMs = this.#isAsleep(decision.actions.length)
      ? Number.POSITIVE_INFINITY
      : this.#nowMs + (this.#starting.length > 0 ? STARTING_TICK_MS : TICK_MS);
  }

  #retire(count: number): void {
    const idle = this.#ready - neededFor(this.#completions.length, this.#sizing.policy);
    this.#ready -= Math.max(0, Math.min(count, idle));
  }

  /** At the turn that the supervisor would have next. */
  #wake(): void {
    const elapsedMs = this.#nowMs - this.#beganMs;
    this.#nextTickMs = this.#beganMs + (Math.floor(elapsedMs / TICK_MS) + 1) * TICK_MS;
  }

  /** Nothing can change before the next arrival: quiet hours of a log cost nothing. */
  #isAsleep(actions: number): boolean {
    const { demand } = this.#memory;
    const isQuiet = actions + this.#starting.length + this.#completions.length + this.#waitingCount === 0;
    return (
      isQuiet &&
      peakOf(demand) === 0 &&
      isWatchedLongEnough(demand, this.#nowMs, this.#sizing.policy.idleTimeoutMs)
    );
  }
}

/** The histogram counts whole microseconds from 1. */
function toMs(microseconds: number): number {
  return microseconds <= 1 ? 0 : microseconds / 1000;
}
