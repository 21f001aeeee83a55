/** What `reconcile` takes beside the state: what has happened since the last turn, and what was seen. */
import type { PoolConfig } from '../config/types.ts';
import type { Exit } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { ListenerLoad } from '../observe/sockets.ts';
import type { FreezeOutcome } from '../worker/freeze.ts';
import type { LongRequest } from './observation/request-watch.ts';
import type { Sight } from './scaling/goal.ts';

/** A listening socket that another program has open. */
export interface ForeignSocket {
  readonly pid: number;
  readonly inode: number;
}

/** What somebody asks of the pool. Pool (pool.ts) lets one in when the one before is done. */
export type Command =
  /** `isOnTrial`: a reload adds it, and gives it up should it not come up. */
  | { readonly type: 'start'; readonly isOnTrial: boolean }
  /** What its settings need is not there. */
  | { readonly type: 'obstruct'; readonly reason: string }
  /** It has come up: it is a part of the configuration from now on. */
  | { readonly type: 'admit' }
  | { readonly type: 'stop'; readonly now: boolean }
  /** As `stop`, and it does not come back. */
  | { readonly type: 'remove' }
  | { readonly type: 'scale'; readonly size: number }
  /** The number of workers stays as it is, or follows the load again. */
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  /** Settings that need no new workers. A size that was scaled to ends with them. */
  | { readonly type: 'reconfigure'; readonly config: PoolConfig }
  | { readonly type: 'rollout'; readonly config: PoolConfig }
  /** The rollout that somebody has asked for is given up; one that is being published takes over. */
  | { readonly type: 'cancelRollout'; readonly reason: string }
  /** Another program listens at the address: its socket is taken, until a rollout takes over from it. */
  | { readonly type: 'take'; readonly config: PoolConfig; readonly foreign: ForeignSocket };

/** What the keeper answered, and what it reports. */
export type KeeperNews =
  | { readonly type: 'listened'; readonly number: number; readonly inode: number }
  /** `code` is the system error's name where it was one. */
  | {
      readonly type: 'listenFailed';
      readonly number: number;
      readonly message: string;
      readonly code: string | null;
      /** It is another program's, which was to be taken over. */
      readonly isForeign?: true;
    }
  /** `isLost`: nobody of ours can be started on it. */
  | {
      readonly type: 'taken';
      readonly number: number;
      readonly inode: number;
      readonly isLost: boolean;
    }
  /** All new connections come to it. */
  | { readonly type: 'published'; readonly number: number }
  /** They do not, and come to the one before it as ever. */
  | {
      readonly type: 'publishFailed';
      readonly number: number;
      readonly message: string;
      readonly code: string | null;
    }
  | { readonly type: 'unlistened'; readonly number: number }
  | SpawnNews
  | { readonly type: 'exited'; readonly pid: number; readonly exit: Exit }
  | { readonly type: 'gone'; readonly pid: number }
  /** A connection waits on the listener that the keeper was asked to watch. */
  | { readonly type: 'knocked'; readonly number: number }
  /** Of workers that are too many: who is told to leave, who is frozen first, and who is left alone for now. */
  | {
      readonly type: 'chosen';
      readonly reason: LeaveReason;
      readonly told: readonly number[];
      readonly toFreeze: readonly number[];
      readonly spared: readonly number[];
    }
  | {
      readonly type: 'thawed';
      readonly pid: number;
      readonly outcome: FreezeOutcome;
      readonly reason: LeaveReason;
    };

/** Workers that were asked for together. */
export interface SpawnNews {
  readonly type: 'spawned';
  readonly generation: number;
  readonly listenerInode: number | null;
  readonly config: PoolConfig;
  readonly askedAtMs: number;
  readonly asked: number;
  readonly pids: readonly number[];
  /** Why it is not all of them; null: it is. */
  readonly failure: string | null;
}

export type News = Command | KeeperNews;

/** What holds for all pools together. */
export interface SharedLimits {
  /** How many more processes process.max allows this pool; below 0: how many others need of its. */
  readonly allowance: number;
  /** How many more it allows this pool when a new generation comes up beside the serving one. */
  readonly room: number;
  /** Why memory is short, in words; null: it is not. */
  readonly memoryShort: string | null;
}

export const NO_LIMITS: SharedLimits = { allowance: Infinity, room: Infinity, memoryShort: null };

/** What was seen when a worker ended. */
export interface ExitSight {
  /** It ended with 0, and the pool's connections moved about that time, or it had waited for one in accept. */
  readonly hasServed: boolean;
  /** For a SIGKILL that was not ours: what the kernel's counters say about memory; null: it was none. */
  readonly memory: { readonly text: string; readonly isRuledOut: boolean } | null;
  /** Processes that are no workers and have its listener, in words; empty: none is known. */
  readonly leftBehind: string;
}

/** What was seen of a listener that gets no new connections. */
export interface DrainSight {
  /** null: the kernel's tables cannot be read. */
  readonly load: ListenerLoad | null;
  /** Draining workers that have no connection; null: it cannot be told who has. */
  readonly free: ReadonlySet<number> | null;
  /** Connections that nobody was seen with. */
  readonly strays: ReadonlySet<number>;
}

/** What was seen of workers that are on their way in or out. */
export interface WorkerSights {
  /** Workers that were due for a look. */
  readonly lookedAt: ReadonlySet<number>;
  /** Starting ones that accept. */
  readonly arrived: ReadonlySet<number>;
  /** Told ones that sleep in accept all the same. */
  readonly deaf: ReadonlySet<number>;
}

export interface Observation {
  readonly nowMs: number;
  readonly news: readonly News[];
  readonly exits: ReadonlyMap<number, ExitSight>;
  /** There are no descriptors to look with: what cannot be seen would look as if it were gone. */
  readonly isBlind: boolean;
  /** Whether time is up for workers that have none left: not before they were looked at, if nobody has for a while. */
  readonly mayTimeOut: boolean;
  readonly workers: WorkerSights;
  /** The connections of the serving listener; null: they cannot be seen. */
  readonly load: Sight['load'];
  /** Its accepted connections at the last look; null: not seen. */
  readonly accepted: ReadonlySet<number> | null;
  /** A queue has begun and its connections were not read yet: they are in the next turn, which comes at once. */
  readonly isBehind: boolean;
  /** The listen queue has just become full; null: it has not. */
  readonly queueFull: { readonly waiting: number; readonly limit: number } | null;
  /** By the number of the listener. */
  readonly drains: ReadonlyMap<number, DrainSight>;
  /** Requests that have run for longer than the shortest timeout; null: they were not looked at. */
  readonly longRequests: readonly LongRequest[] | null;
  /** Memory of workers as it was last measured. */
  readonly memoryBytes: ReadonlyMap<number, number>;
}
