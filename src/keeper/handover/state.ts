/**
 * Everything that a keeper knows, as a document. It has two readers: the program that the keeper becomes in an upgrade
 * (execve(2)), which has its descriptors and children still, and the keeper that comes after one that was killed,
 * which finds the survivors by pid and start time and takes the descriptors out of them.
 */
import type { FileIdentity } from '../../os/listener.ts';
import type { Exit } from '../../os/pidfd.ts';
import { bootId, readStat } from '../../os/proc.ts';
import type { UnfinishedLine } from '../output/lines.ts';
import type { Ask, ListenerSpec, Tag, WorkerSpec } from '../protocol.ts';

/** To be raised when an older program could not go on with what this one writes, or the other way round. */
export const STATE_SCHEMA = 1;

/** A process, by what names it for good within one boot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot (proc(5)). */
  readonly startTicks: number;
}

export interface SavedListener {
  readonly spec: ListenerSpec;
  /** Of the socket itself: the number in `socket:[N]`. */
  readonly inode: number;
  /** null: nobody let us have it. The number counts only for who has inherited it. */
  readonly descriptor: number | null;
  /** Of a Unix socket: the name that its file has now, and which file that is. */
  readonly file: { readonly name: string | null; readonly identity: FileIdentity } | null;
  /** Of a TCP socket: whether it gets the new connections to the address, and whether it answers them. */
  readonly tcp: { readonly isSteeredTo: boolean; readonly isRefusing: boolean } | null;
}

/** A socket of the service manager's, by its name in LISTEN_FDNAMES. */
export interface SavedSocket {
  readonly name: string;
  readonly descriptor: number;
}

/** One of the two pipes that a worker writes into. */
export interface SavedPipe {
  /** The number in `pipe:[N]`. */
  readonly inode: number;
  /** Of our end; it counts only for who has inherited it. */
  readonly descriptor: number;
  /** The beginning of a line whose end has not come. */
  readonly unfinished: UnfinishedLine | null;
}

/** What must be known of a worker to listen to it and to end it. */
export type KeptSpec = Pick<
  WorkerSpec,
  'listener' | 'listenerDescriptor' | 'wholeGroup' | 'stopSignal' | 'stopTimeoutMs' | 'pool' | 'logFile'
>;

export interface SavedWorker extends ProcessIdentity {
  readonly spec: KeptSpec;
  readonly tag: Tag;
  /** Milliseconds of the monotonic clock (os/clock.ts), which the next keeper reads alike. */
  readonly startedAtMs: number;
  /** Ours to be waited for; else an earlier keeper's. */
  readonly isChild: boolean;
  readonly exit: Exit | null;
  readonly gone: boolean;
  /** null: it is at its end, or could not be had. */
  readonly stdout: SavedPipe | null;
  readonly stderr: SavedPipe | null;
}

/** All of a state but what comes and goes. */
export type StateHead = Omit<KeeperState, 'listeners' | 'workers' | 'notes'>;

export interface KeeperState {
  readonly schema: typeof STATE_SCHEMA;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly bootId: string;
  readonly keeper: ProcessIdentity;
  readonly supervisor: ProcessIdentity | null;
  /** Milliseconds of the monotonic clock (os/clock.ts), which the next keeper reads alike. */
  readonly startedAtMs: number;
  /** What the supervisor has settled; null: it has not come so far. */
  readonly settled: Ask<'settle'> | null;
  /** Sockets of the service manager's. */
  readonly inherited: readonly SavedSocket[];
  /** In the order in which they were opened. */
  readonly listeners: readonly SavedListener[];
  readonly workers: readonly SavedWorker[];
  /** What the supervisor left for its successor. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Where those descriptors come from that a state names. */
export interface DescriptorSource {
  /** null: it cannot be had. */
  listener(saved: SavedListener): number | null;
  /** Our end of a worker's output pipe; null: it cannot be had. */
  pipe(worker: SavedWorker, saved: SavedPipe, descriptor: 1 | 2): number | null;
  /** Of a process in the group of a worker whose leader is gone: whether it is ours. */
  isMember(worker: SavedWorker, pid: number): boolean;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks ?? 0 };
}

/** It runs: not ended, and no other that has got its number. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/**
 * Reads what `JSON.stringify` made of a state. Nothing in it is believed beyond its shape.
 * @throws {Error} that says what is wrong with it, as a part of a sentence
 */
export function parseState(text: string): KeeperState {
  if (text === '') throw new Error('is empty');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('is cut short or damaged');
  }
  return checkState(value);
}

/** @throws {Error} as `parseState` */
export function checkState(value: unknown): KeeperState {
  const state = value as Partial<KeeperState> | null;
  if (state?.schema !== STATE_SCHEMA)
    throw new Error(
      `is of another version of fpm-ts (schema ${String(state?.schema)}, this one reads ${STATE_SCHEMA})`,
    );
  if (!isState(state)) throw new Error('is damaged');
  if (state.bootId !== bootId()) throw new Error('is from before the machine was started');
  return state;
}

function isState(state: Partial<KeeperState>): state is KeeperState {
  const { keeper, supervisor, inherited, listeners, workers, notes } = state;
  return (
    isIdentity(keeper, 1) && // as pid 1 in a container
    (supervisor === null || isIdentity(supervisor)) &&
    Array.isArray(inherited) &&
    Array.isArray(listeners) &&
    listeners.every(it => typeof it?.spec?.id === 'string' && Number.isInteger(it.inode)) &&
    Array.isArray(workers) &&
    workers.every(it => isIdentity(it) && typeof it.spec === 'object' && typeof it.tag === 'object') &&
    typeof notes === 'object' &&
    notes !== null
  );
}

function isIdentity(value: ProcessIdentity | null | undefined, leastPid = 2): boolean {
  return (
    Number.isInteger(value?.startTicks) && Number.isInteger(value?.pid) && Number(value?.pid) >= leastPid
  );
}
