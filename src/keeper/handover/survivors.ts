/**
 * Takes listeners and output pipes back out of the workers of a keeper that was killed. A worker counts
 * only when the kernel knows it by the pid and the start time that were written down.
 */
import { closeSync } from 'node:fs';
import { HIDDEN_SUFFIX } from '../../os/address.ts';
import { readEndOf } from '../../os/descriptor.ts';
import { isBoundTo, isKernelObject, isStreamListener, type Kind } from '../../os/kernel-objects.ts';
import { takeDescriptor } from '../../os/pidfd.ts';
import { descriptorOf } from '../../os/proc.ts';
import type { ProcessTable } from '../../os/process-table.ts';
import { AF_UNIX, inetAddress, unixAddress } from '../../os/sockaddr.ts';
import type { BindAddress } from '../protocol.ts';
import type { DescriptorSource, KeeperState, SavedListener, SavedPipe, SavedWorker } from './state.ts';

export class Survivors implements DescriptorSource {
  readonly #processes: ProcessTable;
  readonly #inherited: ReadonlyMap<string, number>;
  /** By the id of the listener that they have. */
  readonly #workers = new Map<string, SavedWorker[]>();
  readonly #inodes: ReadonlyMap<string, number>;

  /**
   * @param processes those that run now
   * @param inherited the sockets that the service manager has passed, to us by now
   */
  constructor(state: KeeperState, processes: ProcessTable, inherited: ReadonlyMap<string, number>) {
    this.#processes = processes;
    this.#inherited = inherited;
    this.#inodes = new Map(state.listeners.map(({ spec, inode }) => [spec.id, inode]));
    for (const worker of state.workers) {
      const { listener } = worker.spec;
      if (listener === null) continue;
      const others = this.#workers.get(listener);
      if (others === undefined) this.#workers.set(listener, [worker]);
      else others.push(worker);
    }
  }

  /** Something of it still runs. */
  has(worker: SavedWorker): boolean {
    return this.#processesOf(worker).length > 0;
  }

  listener({ spec, inode }: SavedListener): number | null {
    if (spec.address.type === 'systemd') {
      const passed = this.#inherited.get(spec.address.name);
      if (passed !== undefined) return passed;
    }
    for (const worker of this.#workers.get(spec.id) ?? []) {
      const taken = this.#take(worker, 'socket', inode, worker.spec.listenerDescriptor);
      if (taken === null) continue;
      if (isAt(spec.address, taken, inode)) return taken;
      closeSync(taken);
    }
    return null;
  }

  pipe(worker: SavedWorker, { inode }: SavedPipe, descriptor: 1 | 2): number | null {
    const taken = this.#take(worker, 'pipe', inode, descriptor);
    if (taken === null) return null;
    try {
      return readEndOf(taken);
    } catch {
      return null;
    } finally {
      closeSync(taken);
    }
  }

  /** Its number says nothing when the leader is gone; what it has open does. */
  isMember({ spec, stdout, stderr }: SavedWorker, pid: number): boolean {
    const known: [Kind, number | undefined][] = [
      ['socket', spec.listener === null ? undefined : this.#inodes.get(spec.listener)],
      ['pipe', stdout?.inode],
      ['pipe', stderr?.inode],
    ];
    return known.some(
      ([kind, inode]) => inode !== undefined && descriptorOf(pid, `${kind}:[${inode}]`) !== null,
    );
  }

  /** @param usual where it was when the worker was started */
  #take(worker: SavedWorker, kind: Kind, inode: number, usual: number): number | null {
    for (const pid of this.#processesOf(worker)) {
      const taken = takeIf(pid, usual, kind, inode);
      if (taken !== null) return taken;
      const moved = descriptorOf(pid, `${kind}:[${inode}]`);
      const found = moved === null || moved === usual ? null : takeIf(pid, moved, kind, inode);
      if (found !== null) return found;
    }
    return null;
  }

  #processesOf(worker: SavedWorker): number[] {
    if (worker.gone) return [];
    const members = this.#processes.group(worker.pid).map(({ pid }) => pid);
    if (this.#processes.get(worker.pid)?.startTicks === worker.startTicks)
      return [worker.pid, ...members.filter(pid => pid !== worker.pid)];
    return members.filter(pid => this.isMember(worker, pid));
  }
}

/** @returns null when it is something else, or the kernel refuses */
function takeIf(pid: number, descriptor: number, kind: Kind, inode: number): number | null {
  let taken: number;
  try {
    taken = takeDescriptor(pid, descriptor);
  } catch {
    return null;
  }
  if (isKernelObject(taken, kind, inode)) return taken;
  closeSync(taken);
  return null;
}

/** Whether it listens where it was opened. */
function isAt(address: BindAddress, descriptor: number, inode: number): boolean {
  if (address.type === 'systemd') return true; // what it is, the service manager knows
  if (address.type === 'unix')
    return (
      isStreamListener(descriptor, inode, AF_UNIX) &&
      isBoundTo(descriptor, unixAddress(address.path + HIDDEN_SUFFIX)) // a rename does not change it
    );
  const { family, bytes } = inetAddress(address.host, address.port);
  return isStreamListener(descriptor, inode, family) && isBoundTo(descriptor, bytes);
}
