/**
 * The keeper's view of one process and of the group that it leads: noticed through pidfds when it ends, signalled as
 * one, and gone only when nothing of the group is left (a php-cgi parent ends before its children have finished their
 * requests).
 *
 * Most are children of ours. One that an earlier keeper started is not: how it ended is told to somebody else, and its
 * number may be another's as soon as it has ended, so that its group is signalled member by member.
 */
import { closeSync } from 'node:fs';
import { hasDescriptors } from '../../os/file-limit.ts';
import { SystemError } from '../../os/libc.ts';
import {
  awaitEnd,
  type Exit,
  pidfdOpen,
  pidfdSignal,
  pidfdSignalGroup,
  reap,
  signalGroup,
  signalProcess,
  UNKNOWN_EXIT,
} from '../../os/pidfd.ts';
import type { Poller } from '../../os/poller.ts';
import { firstDescendants, readStat } from '../../os/proc.ts';
import { ProcessTable, processTable } from '../../os/process-table.ts';

/** When there were no descriptors to look for the rest of a group with. */
const LOOK_AGAIN_MS = 500;

export interface ProcessListener {
  /** The leader has ended and is reaped. */
  exited(exit: Exit): void;
  /** Nothing is left of it and its group. */
  gone(): void;
}

/** A process that was started earlier, by this program before an upgrade or by another keeper. */
export interface RunningProcess {
  readonly pid: number;
  /** With the pid it names the process for good. */
  readonly startTicks: number;
  /** Ours to be waited for. */
  readonly isChild: boolean;
  /** How its leader ended, where that is known already. */
  readonly exit: Exit | null;
  readonly gone: boolean;
}

export class ProcessHandle {
  readonly pid: number;
  readonly isChild: boolean;
  readonly #poller: Poller;
  readonly #listener: ProcessListener;
  readonly #wholeGroup: boolean;
  /** The leader while it runs, then what is left of its group: pid to pidfd. */
  readonly #members = new Map<number, number>();
  #exit: Exit | null;
  #gone: boolean;

  /**
   * @param spawn starts it, and returns its pid
   * @throws {SystemError} when it cannot be started
   */
  static start(
    spawn: () => number,
    wholeGroup: boolean,
    poller: Poller,
    listener: ProcessListener,
  ): ProcessHandle {
    const started = { pid: spawn(), isChild: true, exit: null, gone: false };
    const handle = new ProcessHandle(started, wholeGroup, poller, listener);
    try {
      handle.#watch(handle.pid);
    } catch (error) {
      signalGroup(handle.pid, 'SIGKILL'); // out of descriptors: nobody would notice its end
      awaitEnd(handle.pid);
      throw error;
    }
    return handle;
  }

  /**
   * Goes on with one that runs. What has ended while nobody looked is not reported: `exit` and `isGone` tell.
   * @param isMember tells of a process in the group of a leader that is gone whether it is one of ours
   */
  static resume(
    running: RunningProcess,
    wholeGroup: boolean,
    poller: Poller,
    listener: ProcessListener,
    isMember: (pid: number) => boolean,
  ): ProcessHandle {
    const handle = new ProcessHandle(running, wholeGroup, poller, listener);
    if (handle.#gone) return handle;
    const isLeader = (pid: number): boolean => readStat(pid)?.startTicks === running.startTicks;
    if (running.exit === null && handle.#isWatched(running.pid, isLeader)) return handle;
    handle.#exit ??= UNKNOWN_EXIT;
    if (groupExists(running.pid) && hasDescriptors()) handle.#watchGroup(processTable(), isMember);
    handle.#gone = handle.#members.size === 0;
    return handle;
  }

  private constructor(
    running: Omit<RunningProcess, 'startTicks'>,
    wholeGroup: boolean,
    poller: Poller,
    listener: ProcessListener,
  ) {
    this.pid = running.pid;
    this.isChild = running.isChild;
    this.#exit = running.exit;
    this.#gone = running.gone;
    this.#poller = poller;
    this.#listener = listener;
    this.#wholeGroup = wholeGroup;
  }

  /** How the leader ended; null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /**
   * SIGKILL is for the whole group in any case, as with systemd's KillMode=mixed: what a stop leaves behind would go
   * on accepting. And for what a leader that still runs has started in groups of their own, as the CGI host its
   * scripts: it cannot end them any more.
   * @returns false when nothing is left to be signalled
   */
  signal(signal: NodeJS.Signals): boolean {
    if (this.#gone) return false;
    const isForAll = this.#wholeGroup || signal === 'SIGKILL';
    if (this.#exit === null && isForAll) {
      const others = signal === 'SIGKILL' ? this.#otherGroups() : [];
      const reached = this.signalGroup(signal);
      for (const pid of others) killIfAllowed(pid);
      return reached;
    }
    if (this.#exit !== null) {
      if (!isForAll) return true;
      if (groupExists(this.pid) && hasDescriptors()) this.#watchGroup(processTable());
    }
    let reached = false;
    for (const pidfd of this.#members.values()) reached = pidfdSignal(pidfd, signal) || reached;
    return reached;
  }

  /** Signals the leader and all of its group, also where stops concern the leader alone. */
  signalGroup(signal: NodeJS.Signals): boolean {
    if (this.#gone) return false;
    if (this.#exit === null && this.isChild) return signalGroup(this.pid, signal); // unreaped: the number is ours
    const leader = this.#members.get(this.pid);
    const asGroup = leader === undefined ? null : pidfdSignalGroup(leader, signal);
    if (asGroup !== null) return asGroup;
    let reached = false;
    for (const { pid, session, startTicks } of processTable().group(this.pid))
      if (session === this.pid) reached = signalProcess(pid, signal, startTicks) || reached;
    return reached;
  }

  /** Whoever has left its session does not belong to it any more. Of very many they are the first. */
  #otherGroups(): number[] {
    return firstDescendants(this.pid).filter(pid => {
      const stat = readStat(pid);
      return stat?.session === this.pid && stat.group !== this.pid;
    });
  }

  #watch(pid: number): void {
    const pidfd = pidfdOpen(pid);
    this.#members.set(pid, pidfd);
    this.#poller.add(pidfd, () => this.#ended(pid, pidfd));
  }

  /**
   * Looks at it through the pidfd that is open by then: should the number become another's, no signal reaches that.
   * @returns false: it has ended, or is a stranger
   */
  #isWatched(pid: number, isOurs: (pid: number) => boolean): boolean {
    try {
      this.#watch(pid);
    } catch {
      return false; // ended between the look and pidfd_open
    }
    if (isOurs(pid)) return true;
    this.#unwatch(pid);
    return false;
  }

  #unwatch(pid: number): void {
    const pidfd = this.#members.get(pid);
    if (pidfd === undefined) return;
    this.#poller.remove(pidfd);
    closeSync(pidfd);
    this.#members.delete(pid);
  }

  #ended(pid: number, pidfd: number): void {
    if (pid === this.pid) {
      const exit = reap(pidfd);
      if (exit === null) return;
      this.#exit = exit;
    }
    this.#unwatch(pid);
    if (pid === this.pid && this.#exit !== null) this.#listener.exited(this.#exit);
    if (groupExists(this.pid)) lookTogether(this, processes => this.#goneOrWatched(processes));
    else this.#goneOrWatched(null);
  }

  /** Gone only when that is seen. @param processes null: its group is empty */
  #goneOrWatched(processes: ProcessTable | null): void {
    if (this.#gone) return;
    if (processes !== null) this.#watchGroup(processes);
    if (this.#members.size > 0) return;
    this.#gone = true;
    this.#listener.gone();
  }

  /**
   * Finds those of the group that outlived the leader. Their pidfds make sure that no stranger is ever signalled.
   */
  #watchGroup(processes: ProcessTable, isMember: (pid: number) => boolean = () => true): void {
    if (this.#exit === null) return;
    for (const { pid, session } of processes.group(this.pid)) {
      if (session === this.pid && !this.#members.has(pid)) this.#isWatched(pid, isMember);
    }
  }
}

const looking = new Map<ProcessHandle, (processes: ProcessTable) => void>();

/**
 * One pass over all processes for all handles that need one, and only after what they wait to be over is over: what is
 * older may lack a process. Without descriptors to look with, somebody looks again.
 */
function lookTogether(handle: ProcessHandle, look: (processes: ProcessTable) => void): void {
  if (looking.size === 0) setImmediate(lookForAll);
  looking.set(handle, look);
}

function lookForAll(): void {
  if (!hasDescriptors()) {
    setTimeout(lookForAll, LOOK_AGAIN_MS);
    return;
  }
  const looks = [...looking.values()];
  looking.clear();
  const processes = new ProcessTable();
  for (const look of looks) look(processes);
}

/** One cheap call before /proc is searched: the group of nearly every worker is empty when it has ended. */
function groupExists(group: number): boolean {
  try {
    return signalGroup(group, null);
  } catch {
    return true; // EPERM: some process of it belongs to another user now
  }
}

/** What has become another user is out of the reach of a keeper that is not root. */
function killIfAllowed(pid: number): void {
  try {
    signalProcess(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'EPERM')) throw error;
  }
}
