/** The worker processes: started, signalled, listened to, and listed until the supervisor has accounted for them. */
import { closeSync, openSync } from 'node:fs';
import { nowMs } from '../../os/clock.ts';
import { outputPipes } from '../../os/descriptor.ts';
import { openDirectoryFor } from '../../os/exchange.ts';
import type { Poller } from '../../os/poller.ts';
import { readStat } from '../../os/proc.ts';
import { Program } from '../../os/spawn.ts';
import type { DescriptorSource, KeptSpec, SavedPipe, SavedWorker } from '../handover/state.ts';
import type { Listeners } from '../listeners/listeners.ts';
import type { FollowedPipe, OutputReaders } from '../output/output.ts';
import type { KeeperEvent, Tag, WorkerSpec, WorkerState } from '../protocol.ts';
import { ProcessHandle, type ProcessListener } from './process-handle.ts';

interface Worker {
  readonly handle: ProcessHandle;
  /** null: not looked at so far. Read right after the spawn it waits until the child has become its program. */
  startTicks: number | null;
  readonly spec: KeptSpec;
  readonly startedAtMs: number;
  /** null: could not be had. */
  readonly stdout: FollowedPipe | null;
  readonly stderr: FollowedPipe | null;
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

  /**
   * Starts so many alike.
   * @param failed is told why one could not be started, which ends it
   * @returns the pids of those that were
   */
  spawn(spec: WorkerSpec, tag: Tag, count: number, failed: (error: unknown) => void): number[] {
    const pids: number[] = [];
    let directory: number | null = null;
    try {
      directory = openDirectoryFor(spec.cwd, spec.user);
      const program = new Program(spec);
      while (pids.length < count) pids.push(this.#spawnOne(program, directory, spec, tag));
    } catch (error) {
      failed(error);
    } finally {
      if (directory !== null) closeSync(directory);
    }
    return pids;
  }

  #spawnOne(program: Program, directory: number, spec: WorkerSpec, tag: Tag): number {
    const listener = spec.listener === null ? this.#null : this.#listeners.descriptor(spec.listener);
    const [stdout, stderr] = outputPipes();
    const descriptors = new Map([
      [0, this.#null],
      [1, stdout.write],
      [2, stderr.write],
      [spec.listenerDescriptor, listener],
    ]);
    try {
      const handle = ProcessHandle.start(
        () => program.spawn(descriptors, directory),
        spec.wholeGroup,
        this.#poller,
        this.#listenerOf(() => handle.pid),
      );
      const { pid } = handle;
      const { pool, logFile } = spec;
      this.#workers.set(pid, {
        handle,
        startTicks: null,
        spec: kept(spec),
        startedAtMs: nowMs(),
        stdout: this.#output.follow(stdout.read, { pool, pid, stream: 'stdout' }, logFile),
        stderr: this.#output.follow(stderr.read, { pool, pid, stream: 'stderr' }, logFile),
        tag,
      });
      return pid;
    } catch (error) {
      closeSync(stdout.read);
      closeSync(stderr.read);
      throw error;
    } finally {
      closeSync(stdout.write);
      closeSync(stderr.write);
    }
  }

  /** Goes on with one that was started by this program before an upgrade, or by an earlier keeper. */
  restore(saved: SavedWorker, source: DescriptorSource): void {
    const { pid, startTicks, spec, startedAtMs, tag } = saved;
    const handle = ProcessHandle.resume(
      saved,
      spec.wholeGroup,
      this.#poller,
      this.#listenerOf(() => pid),
      member => source.isMember(saved, member),
    );
    const stdout = this.#resumeOutput(saved, source, 'stdout');
    const stderr = this.#resumeOutput(saved, source, 'stderr');
    this.#workers.set(pid, { handle, startTicks, spec, startedAtMs, stdout, stderr, tag });
  }

  #resumeOutput(
    saved: SavedWorker,
    source: DescriptorSource,
    stream: 'stdout' | 'stderr',
  ): FollowedPipe | null {
    const pipe = saved[stream];
    if (pipe === null) return null;
    const descriptor = source.pipe(saved, pipe, stream === 'stdout' ? 1 : 2);
    if (descriptor === null) return null;
    const { pid, spec } = saved;
    return this.#output.follow(descriptor, { pool: spec.pool, pid, stream }, spec.logFile, pipe.unfinished);
  }

  #listenerOf(pid: () => number): ProcessListener {
    return {
      exited: exit => this.#report({ event: 'exited', pid: pid(), exit }),
      gone: () => this.#report({ event: 'gone', pid: pid() }),
    };
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
    const worker = this.#workers.get(pid);
    if (worker?.handle.isGone !== true) return;
    this.#workers.delete(pid);
    worker.stdout?.workerGone();
    worker.stderr?.workerGone();
  }

  get states(): WorkerState[] {
    return [...this.#workers].map(([pid, { handle, startedAtMs, tag }]) => ({
      pid,
      tag,
      startedAtMs,
      exit: handle.exit,
      gone: handle.isGone,
      isAdopted: !handle.isChild,
    }));
  }

  get pids(): number[] {
    return [...this.#workers.keys()];
  }

  /** As they are now, for the program that continues with them. */
  get saved(): SavedWorker[] {
    return [...this.#workers.values()].map(savedWorker);
  }

  /**
   * As it is now, for the next keeper. The beginning of a line is left out: what is written of it is read long after,
   * and the line may be in the log by then.
   */
  savedOf(pid: number): SavedWorker | null {
    const worker = this.#workers.get(pid);
    if (worker === undefined) return null;
    const { stdout, stderr, ...saved } = savedWorker(worker);
    const whole = (pipe: SavedPipe | null): SavedPipe | null => pipe && { ...pipe, unfinished: null };
    return { ...saved, stdout: whole(stdout), stderr: whole(stderr) };
  }

  /** Pids of our children that the poller is to reap: as pid 1 we leave them to it. */
  owns(pid: number): boolean {
    const handle = this.#workers.get(pid)?.handle;
    return handle?.isChild === true && handle.exit === null;
  }
}

function savedWorker(worker: Worker): SavedWorker {
  const { handle, spec, tag, startedAtMs, stdout, stderr } = worker;
  // Once it is reaped its number may be another's.
  worker.startTicks ??= handle.exit === null ? (readStat(handle.pid)?.startTicks ?? 0) : 0;
  return {
    pid: handle.pid,
    startTicks: worker.startTicks,
    spec,
    tag,
    startedAtMs,
    isChild: handle.isChild,
    exit: handle.exit,
    gone: handle.isGone,
    stdout: stdout?.saved ?? null,
    stderr: stderr?.saved ?? null,
  };
}

function kept(spec: WorkerSpec): KeptSpec {
  const { listener, listenerDescriptor, wholeGroup, stopSignal, stopTimeoutMs, pool, logFile } = spec;
  return { listener, listenerDescriptor, wholeGroup, stopSignal, stopTimeoutMs, pool, logFile };
}

/** One that may not be signalled must not keep the others from it. */
function attempt(handle: ProcessHandle, signal: NodeJS.Signals): void {
  try {
    handle.signal(signal);
  } catch {
    // it belongs to another user by now: told when it is not gone in time
  }
}
