/** What there is in the model's world. */
import type { BindAddress, Exit, Tag, WorkerSpec } from '../../../../src/keeper/protocol.ts';

export interface Client {
  readonly pool: string;
  readonly serveMs: number;
  state: 'queued' | 'served' | 'done' | 'lost' | 'refused';
}

export interface Socket {
  readonly inode: number;
  readonly pool: string;
  readonly address: BindAddress;
  readonly queue: Client[];
  /** By the inode of the connection. */
  readonly accepted: Map<number, Client>;
  /** New connections to the address come here. */
  isPublic: boolean;
  /** It was public, and is not since then. */
  replacedAtMs: number | null;
  isHeldByKeeper: boolean;
  /** Its workers alone have it: nobody can keep clients from it. */
  isLost: boolean;
  isOpen: boolean;
}

/** How the programs of a pool behave that are started from now on. */
export interface Program {
  readonly bootMs: number;
  readonly fate: 'serves' | 'exits' | 'never accepts';
  readonly ignoresStop: boolean;
  /** Something of its group outlives it until it is signalled. */
  readonly lingers: boolean;
}

export const HEALTHY: Program = { bootMs: 30, fate: 'serves', ignoresStop: false, lingers: false };

export interface FakeWorker {
  readonly pid: number;
  readonly spec: WorkerSpec;
  readonly socket: Socket | null;
  readonly program: Program;
  readonly startedAtMs: number;
  tag: Tag;
  /** Since when it is to leave, by its tags. */
  leavingSinceMs: number | null;
  isAccepting: boolean;
  isFrozen: boolean;
  isTold: boolean;
  isAdopted: boolean;
  readonly connections: Set<number>;
  exit: Exit | null;
  isGone: boolean;
}

export type WorldEvent =
  | { readonly event: 'exited'; readonly pid: number; readonly exit: Exit }
  | { readonly event: 'gone'; readonly pid: number }
  | { readonly event: 'queued'; readonly socket: Socket };
