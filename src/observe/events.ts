/** Everything that happens in the supervisor, as one union: the log, the counters and the tests read it. */
import type { Exit } from '../keeper/protocol.ts';

/** Why a worker leaves: it ended by itself, never became ready, or we ended it. */
export const LEAVE_REASONS = [
  'ended',
  'startTimeout',
  'scaledDown',
  'maxMemory',
  'maxLifetime',
  'requestTimeout',
  'replaced',
  'cancelled',
  'poolStopped',
] as const;
export type LeaveReason = (typeof LEAVE_REASONS)[number];

export type SupervisorEvent =
  | { readonly type: 'started'; readonly pools: number; readonly runDir: string; readonly control: string }
  | { readonly type: 'noPools'; readonly include: string }
  | { readonly type: 'restored'; readonly pools: number; readonly workers: number }
  /** The keeper has become another program, and this is its first supervisor. */
  | { readonly type: 'upgraded'; readonly pools: number; readonly workers: number }
  | { readonly type: 'upgrading'; readonly from: string; readonly to: string }
  | { readonly type: 'upgradeFailed'; readonly message: string }
  | { readonly type: 'notice'; readonly text: string }
  | { readonly type: 'ready' }
  | { readonly type: 'signalled'; readonly signal: string; readonly means: string }
  | { readonly type: 'stopping'; readonly now: boolean }
  | { readonly type: 'stopped' }
  | { readonly type: 'reloading'; readonly pools: readonly string[] }
  | { readonly type: 'reloaded'; readonly pools: readonly string[] }
  | { readonly type: 'reloadFailed'; readonly message: string }
  | { readonly type: 'takingOver'; readonly pool: string; readonly program: string }
  | { readonly type: 'tookOver'; readonly pool: string; readonly program: string }
  | { readonly type: 'logsReopened' }
  /** Its file had been removed or replaced. */
  | { readonly type: 'controlRestored'; readonly control: string }
  /** The supervisor can open no file more, so it sees nothing; and that this is over. */
  | { readonly type: 'blind'; readonly fileLimit: number }
  | { readonly type: 'sighted' }
  | { readonly type: 'problem'; readonly text: string };

/** A request that takes long, as it is seen from outside. */
export interface RequestFacts {
  readonly pool: string;
  readonly pid: number;
  /** Which of the worker's processes has it: the worker itself or a child. */
  readonly process: number;
  readonly requestMs: number;
  readonly connectionMs: number;
  /** What the process is in: a system call, or running. */
  readonly blockedIn: string;
  /** CPU time of the worker with its children, and in how long. */
  readonly cpuMs: number;
  readonly cpuOverMs: number;
}

export type PoolEvent =
  | { readonly type: 'listening'; readonly pool: string; readonly address: string }
  /** Its socket file was removed or replaced; and that it is in its place again. */
  | { readonly type: 'socketLost'; readonly pool: string; readonly reason: string }
  | { readonly type: 'socketBack'; readonly pool: string }
  | { readonly type: 'poolRunning'; readonly pool: string; readonly workers: number }
  /** Of a pool that a killed keeper has left: a listener of our own cannot be had. */
  | {
      readonly type: 'addressLost';
      readonly pool: string;
      readonly message: string;
      /** The workers that a killed keeper has left can still be reached. */
      readonly isServing: boolean;
    }
  | { readonly type: 'poolFailed'; readonly pool: string; readonly reason: string }
  | { readonly type: 'poolStopped'; readonly pool: string }
  | { readonly type: 'spawned'; readonly pool: string; readonly pid: number; readonly generation: number }
  | { readonly type: 'spawnFailed'; readonly pool: string; readonly message: string }
  | { readonly type: 'workerReady'; readonly pool: string; readonly pid: number; readonly afterMs: number }
  | {
      readonly type: 'startTimedOut';
      readonly pool: string;
      readonly pid: number;
      readonly timeoutMs: number;
    }
  | { readonly type: 'outOfTime'; readonly pool: string; readonly pid: number; readonly timeoutMs: number }
  | { readonly type: 'cut'; readonly pool: string; readonly pid: number; readonly timeoutMs: number }
  | {
      readonly type: 'exited';
      readonly pool: string;
      readonly pid: number;
      readonly exit: Exit;
      readonly uptimeMs: number;
      readonly reason: LeaveReason;
      /** For a SIGKILL that was not ours: what the kernel's counters say about memory. */
      readonly memory: string | null;
      /** One of many crashes, which are told as one. */
      readonly inStorm: boolean;
    }
  /** So many workers died of SIGSEGV and the like that it is told once, until none has for a while. */
  | {
      readonly type: 'crashStorm';
      readonly pool: string;
      readonly signal: string;
      readonly crashes: number;
      readonly withinMs: number;
    }
  | {
      readonly type: 'crashStormOver';
      readonly pool: string;
      readonly crashes: number;
      readonly forMs: number;
    }
  | {
      readonly type: 'backingOff';
      readonly pool: string;
      readonly attempts: number;
      readonly delayMs: number;
    }
  | {
      readonly type: 'maxChildrenReached';
      readonly pool: string;
      readonly maxChildren: number;
      /** How many workers the connections need, and how many idle ones there should be beside them. */
      readonly needed: number;
      readonly spare: number;
    }
  | { readonly type: 'queueFull'; readonly pool: string; readonly waiting: number; readonly limit: number }
  | { readonly type: 'memoryShort'; readonly pool: string; readonly reason: string }
  | { readonly type: 'scaled'; readonly pool: string; readonly size: number }
  | { readonly type: 'paused'; readonly pool: string; readonly size: number }
  | { readonly type: 'resumed'; readonly pool: string }
  /** A request has run for longer than request_slowlog_timeout; it goes on. */
  | ({
      readonly type: 'slowRequest';
      readonly timeoutMs: number;
      readonly stack: readonly string[] | null;
    } & RequestFacts)
  /** One has run for longer than request_terminate_timeout. */
  | ({
      readonly type: 'requestTimedOut';
      readonly timeoutMs: number;
      /** `drained`: others that the worker has in hand are finished first. */
      readonly ends: 'killed' | 'drained';
    } & RequestFacts)
  /** A worker is to be replaced. */
  | { readonly type: 'recycling'; readonly pool: string; readonly pid: number; readonly reason: string }
  | { readonly type: 'rolling'; readonly pool: string; readonly generation: number }
  | { readonly type: 'rolled'; readonly pool: string; readonly generation: number }
  | { readonly type: 'rollCancelled'; readonly pool: string; readonly reason: string };

export type Event = SupervisorEvent | PoolEvent;
export type Report = (event: Event) => void;
