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
import type { LookBudget } from '../os/look-budget.ts';
import { isRunnable } from '../os/proc.ts';
import { acceptsOn, lookAtWorker, type Sight } from './readiness.ts';
import { isHeldByOthers, untilStopped } from './stopped.ts';

/** Each is explained where it is defined. Looks into a worker take from the budget; without one, each has its own. */
export interface Kernel {
  hasDescriptors(): boolean;
  lookAtSockets(watched: readonly Watched[]): ReadonlyMap<number, ListenerLoad>;
  holdersOf(inodes: ReadonlySet<number>, groups: ReadonlySet<number>): Holder[];
  readOomCounters(): OomCounters;
  connectionsOf(pid: number, accepted: ReadonlySet<number>, budget?: LookBudget): number[] | null;
  usageOf(pid: number, budget?: LookBudget): Usage | null;
  isRunnable(pid: number, budget?: LookBudget): boolean;
  lookAtWorker(pid: number, listenerDescriptor: number, budget?: LookBudget): Sight;
  acceptsOn(pid: number, descriptor: number): boolean;
  isHeldByOthers(pid: number, budget?: LookBudget): boolean;
  untilStopped(pid: number, budget?: LookBudget): Promise<boolean>;
}

export const KERNEL: Kernel = {
  hasDescriptors,
  lookAtSockets,
  holdersOf,
  readOomCounters,
  connectionsOf,
  usageOf: (pid, budget) => usageOf(pid, budget),
  isRunnable,
  lookAtWorker,
  acceptsOn: (pid, descriptor) => acceptsOn(pid, descriptor),
  isHeldByOthers,
  untilStopped,
};

/** The same for one pool: what it costs to look into its workers is taken from its own budget. */
export function withBudget(kernel: Kernel, budget: LookBudget): Kernel {
  return {
    ...kernel,
    connectionsOf: (pid, accepted) => kernel.connectionsOf(pid, accepted, budget),
    usageOf: pid => kernel.usageOf(pid, budget),
    isRunnable: pid => kernel.isRunnable(pid, budget),
    lookAtWorker: (pid, listenerDescriptor) => kernel.lookAtWorker(pid, listenerDescriptor, budget),
    isHeldByOthers: pid => kernel.isHeldByOthers(pid, budget),
    untilStopped: pid => kernel.untilStopped(pid, budget),
  };
}
