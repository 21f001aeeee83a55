/**
 * What a supervisor reads of the kernel about listeners and workers, as one thing that it is given: in a test of the
 * supervisor there is no process and no socket, and this tells of a world that the test makes.
 *
 * Two readers are not behind it, because they look into single threads and system calls: RequestWatch, which reads
 * only when a request timeout is set, and AcceptCounts, to which a process that does not exist has never served.
 */
import { connectionsOf } from '../observe/families.ts';
import { type OomCounters, readOomCounters } from '../observe/out-of-memory.ts';
import { type ListenerLoad, lookAtSockets, type Watched } from '../observe/sockets.ts';
import { type Holder, holdersOf } from '../observe/strangers.ts';
import { type Usage, usageOf } from '../observe/usage.ts';
import { hasDescriptors } from '../os/file-limit.ts';
import { isRunnable } from '../os/proc.ts';
import { acceptsOn, lookAtWorker, type Sight } from './readiness.ts';
import { isHeldByOthers, untilStopped } from './stopped.ts';

/** Each is explained where it is defined. */
export interface Kernel {
  hasDescriptors(): boolean;
  lookAtSockets(watched: readonly Watched[]): ReadonlyMap<number, ListenerLoad>;
  holdersOf(inodes: ReadonlySet<number>, groups: ReadonlySet<number>): Holder[];
  readOomCounters(): OomCounters;
  connectionsOf(pid: number, accepted: ReadonlySet<number>): number[] | null;
  usageOf(pid: number): Usage | null;
  isRunnable(pid: number): boolean;
  lookAtWorker(pid: number, listenerDescriptor: number): Sight;
  acceptsOn(pid: number, descriptor: number): boolean;
  isHeldByOthers(pid: number): boolean;
  untilStopped(pid: number): Promise<boolean>;
}

export const KERNEL: Kernel = {
  hasDescriptors,
  lookAtSockets,
  holdersOf,
  readOomCounters,
  connectionsOf,
  usageOf: pid => usageOf(pid),
  isRunnable,
  lookAtWorker,
  acceptsOn: (pid, descriptor) => acceptsOn(pid, descriptor),
  isHeldByOthers,
  untilStopped,
};
