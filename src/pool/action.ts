/** What `reconcile` wants done, in order; apply.ts does it. */
import type { PoolConfig } from '../config/types.ts';
import type { Tag } from '../keeper/protocol.ts';
import type { LeaveReason, PoolEvent } from '../observe/events.ts';
import type { Worker } from '../worker/worker.ts';
import type { Because } from './decision-log.ts';
import type { LongRequest } from './observation/request-watch.ts';
import type { ForeignSocket } from './observation.ts';
import type { PoolState } from './pool-state.ts';

export type Action =
  /** Opens a listener, or gives an open one the settings of this configuration. */
  | { readonly type: 'listen'; readonly number: number; readonly config: PoolConfig }
  | {
      readonly type: 'take';
      readonly number: number;
      readonly config: PoolConfig;
      readonly foreign: ForeignSocket;
    }
  /** From now on all new connections come to it. */
  | { readonly type: 'publish'; readonly number: number }
  /** No new connections from now on; those that wait can still be accepted. */
  | { readonly type: 'refuse'; readonly number: number }
  | { readonly type: 'unlisten'; readonly number: number }
  | {
      readonly type: 'spawn';
      readonly generation: number;
      readonly config: PoolConfig;
      readonly listener: { readonly number: number; readonly inode: number } | null;
      readonly count: number;
    }
  | { readonly type: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals }
  | { readonly type: 'tag'; readonly pid: number; readonly tag: Tag }
  /** It is gone and accounted for in this state. */
  | { readonly type: 'forget'; readonly pid: number; readonly state: PoolState }
  /** Leaves this state for the next supervisor, before what follows is done. */
  | { readonly type: 'save'; readonly state: PoolState }
  /** Looks who of these has no request in flight, in this order, until `count` are found. */
  | {
      readonly type: 'choose';
      readonly candidates: readonly Candidate[];
      readonly count: number;
      readonly accepted: ReadonlySet<number> | null;
      readonly reason: LeaveReason;
    }
  /** Freeze, look, then kill. `leaving` is its tag from when it is found free. */
  | {
      readonly type: 'freeze';
      readonly pid: number;
      readonly listenerInode: number;
      readonly reason: LeaveReason;
      readonly leaving: Tag;
    }
  | { readonly type: 'report'; readonly event: PoolEvent }
  /** A request takes long: what its process does at this moment is reported with it. */
  | {
      readonly type: 'reportRequest';
      readonly event: 'slow' | 'killed' | 'drained';
      readonly request: LongRequest;
      readonly timeoutMs: number;
    }
  | { readonly type: 'explain'; readonly what: string; readonly reasons: readonly Because[] };

export interface Candidate {
  readonly worker: Worker;
  /** How it leaves when it is idle. */
  readonly rule: 'none' | 'tell' | 'freeze';
  /** Somebody else may have it stopped: it is frozen by us already, and counts as found. */
  readonly isFrozen: boolean;
}
