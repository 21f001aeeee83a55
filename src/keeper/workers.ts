/** The worker processes: started, signalled, listened to, and listed until the supervisor has accounted for them. */
import { closeSync, openSync } from 'node:fs';
import { nowMs } from '../os/clock.ts';
import { outputPipes } from '../os/descriptor.ts';
import type { Poller } from '../os/poller.ts';
import type { Listeners } from './listeners.ts';
import type { OutputReaders } from './output.ts';
import { ProcessHandle } from './process-handle.ts';
import type { KeeperEvent, Tag, WorkerSpec, WorkerState } from './protocol.ts';

interface Worker {
  readonly handle: ProcessHandle;
  readonly spec: WorkerSpec;
  readonly startedAtMs: number;
  tag: Tag;
}

export class Workers {
  readonly #workers = new Map<number, Worker>();
  readonly #poller: Poller;
  readonly #listeners: Listeners;
  readonly #output: OutputReaders;
  readonly #report: (event: KeeperEvent) => void;
  readonly #null: number = openSync('/dev/null', 'r+');

  constructor(
    poller: Poller,
    listeners: Listeners,
    output: OutputReaders,
    report: (event: KeeperEvent) => void,
  ) {
    this.#poller = poller;
    this.#listeners = listeners;
    this.#output = output;
    this.#report = report;
  }

  /** @returns the pid. @throws {SystemError} when it cannot be started */
  spawn(spec: WorkerSpec, tag: Tag): number {
    const listener = spec.listener === null ? this.#null : this.#listeners.descriptor(spec.listener);
    const [stdout, stderr] = outputPipes();
    const descriptors = new Map([
      [0, this.#null],
      [1, stdout.write],
      [2, stderr.write],
      [spec.listenerDescriptor, listener],
    ]);
    try {
      const handle = new ProcessHandle({ ...spec, descriptors }, spec.wholeGroup, this.#poller, {
        exited: exit => this.#report({ event: 'exited', pid: handle.pid, exit }),
        gone: () => this.#report({ event: 'gone', pid: handle.pid }),
      });
      this.#workers.set(handle.pid, { handle, spec, startedAtMs: nowMs(), tag });
      this.#output.follow(stdout.read, { pool: spec.pool, pid: handle.pid, stream: 'stdout' }, spec.logFile);
      this.#output.follow(stderr.read, { pool: spec.pool, pid: handle.pid, stream: 'stderr' }, spec.logFile);
      return handle.pid;
    } catch (error) {
      closeSync(stdout.read);
      closeSync(stderr.read);
      throw error;
    } finally {
      closeSync(stdout.write);
      closeSync(stderr.write);
    }
  }

  /** @returns false when the worker and its group are gone */
  signal(pid: number, signal: NodeJS.Signals): boolean {
    return this.#workers.get(pid)?.handle.signal(signal) ?? false;
  }

  /** Signals its group, whatever its kill_mode. @returns false when the worker and its group are gone */
  signalGroup(pid: number, signal: NodeJS.Signals): boolean {
    return this.#workers.get(pid)?.handle.signalGroup(signal) ?? false;
  }

  /** How long the slowest of them may take to stop, in milliseconds. */
  get longestStopMs(): number {
    let longestMs = 0;
    for (const { handle, spec } of this.#workers.values())
      if (!handle.isGone) longestMs = Math.max(longestMs, spec.stopTimeoutMs);
    return longestMs;
  }

  /** Tells each to stop in its own way. */
  stopAll(): void {
    for (const { handle, spec } of this.#workers.values())
      if (!handle.isGone) attempt(handle, spec.stopSignal);
  }

  killAll(): void {
    for (const { handle } of this.#workers.values()) attempt(handle, 'SIGKILL');
  }

  /** Pids of those of which something runs: the leader, or what it has left. */
  get running(): number[] {
    return [...this.#workers].flatMap(([pid, { handle }]) => (handle.isGone ? [] : [pid]));
  }

  tag(pid: number, tag: Tag): void {
    const worker = this.#workers.get(pid);
    if (worker !== undefined) worker.tag = tag;
  }

  /** Forgets a worker that is gone. */
  acknowledge(pid: number): void {
    if (this.#workers.get(pid)?.handle.isGone === true) this.#workers.delete(pid);
  }

  get states(): WorkerState[] {
    return [...this.#workers].map(([pid, { handle, startedAtMs, tag }]) => ({
      pid,
      tag,
      startedAtMs,
      exit: handle.exit,
      gone: handle.isGone,
    }));
  }

  /** Pids of our children that the poller is to reap: as pid 1 we leave them to it. */
  owns(pid: number): boolean {
    return this.#workers.get(pid)?.handle.exit === null;
  }
}

/** One that may not be signalled must not keep the others from it. */
function attempt(handle: ProcessHandle, signal: NodeJS.Signals): void {
  try {
    handle.signal(signal);
  } catch {
    // it belongs to another user by now: told when it is not gone in time
  }
}
