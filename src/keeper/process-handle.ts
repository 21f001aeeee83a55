/**
 * The keeper's view of one child and of the process group that it leads: noticed through pidfds when it ends,
 * signalled as one, and gone only when nothing of the group is left (a php-cgi parent ends before its children
 * have finished their requests).
 */
import { closeSync } from 'node:fs';
import {
  awaitEnd,
  type Exit,
  pidfdOpen,
  pidfdSignal,
  reap,
  signalGroup,
  signalProcess,
} from '../os/pidfd.ts';
import type { Poller } from '../os/poller.ts';
import { groupMembers } from '../os/proc.ts';
import { type SpawnOptions, spawn } from '../os/spawn.ts';

export interface ProcessListener {
  /** The leader has ended and is reaped. */
  exited(exit: Exit): void;
  /** Nothing is left of it and its group. */
  gone(): void;
}

export class ProcessHandle {
  readonly pid: number;
  readonly #poller: Poller;
  readonly #listener: ProcessListener;
  readonly #wholeGroup: boolean;
  /** The leader while it runs, then what is left of its group: pid to pidfd. */
  readonly #members = new Map<number, number>();
  #exit: Exit | null = null;
  #gone = false;

  /** @throws {SystemError} when it cannot be started */
  constructor(options: SpawnOptions, wholeGroup: boolean, poller: Poller, listener: ProcessListener) {
    this.#poller = poller;
    this.#listener = listener;
    this.#wholeGroup = wholeGroup;
    this.pid = spawn(options);
    try {
      this.#watch(this.pid);
    } catch (error) {
      signalGroup(this.pid, 'SIGKILL'); // out of descriptors: nobody would notice its end
      awaitEnd(this.pid);
      throw error;
    }
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
   * on accepting.
   * @returns false when nothing is left to be signalled
   */
  signal(signal: NodeJS.Signals): boolean {
    if (this.#gone) return false;
    const isForAll = this.#wholeGroup || signal === 'SIGKILL';
    if (this.#exit !== null && !isForAll) return true;
    if (this.#exit === null && isForAll) return signalGroup(this.pid, signal); // unreaped: the number is ours
    this.#watchGroup();
    let reached = false;
    for (const pidfd of this.#members.values()) reached = pidfdSignal(pidfd, signal) || reached;
    return reached;
  }

  /** Signals the leader and all of its group, also where stops concern the leader alone. */
  signalGroup(signal: NodeJS.Signals): boolean {
    if (this.#exit === null) return signalGroup(this.pid, signal); // unreaped: the number is ours
    let reached = false;
    for (const { pid, session } of groupMembers(this.pid)) {
      if (session === this.pid) reached = signalProcess(pid, signal) || reached;
    }
    return reached;
  }

  #watch(pid: number): void {
    const pidfd = pidfdOpen(pid);
    this.#members.set(pid, pidfd);
    this.#poller.add(pidfd, () => this.#ended(pid, pidfd));
  }

  #ended(pid: number, pidfd: number): void {
    if (pid === this.pid) {
      const exit = reap(pidfd);
      if (exit === null) return;
      this.#exit = exit;
    }
    this.#poller.remove(pidfd);
    closeSync(pidfd);
    this.#members.delete(pid);
    if (pid === this.pid && this.#exit !== null) this.#listener.exited(this.#exit);
    this.#watchGroup();
    if (this.#members.size > 0) return;
    this.#gone = true;
    this.#listener.gone();
  }

  /** Finds those of the group that outlived the leader. Their pidfds make sure that no stranger is ever signalled. */
  #watchGroup(): void {
    if (this.#exit === null || !groupExists(this.pid)) return;
    for (const member of groupMembers(this.pid)) {
      if (member.session !== this.pid || this.#members.has(member.pid)) continue;
      try {
        this.#watch(member.pid);
      } catch {
        // ended between the look and pidfd_open
      }
    }
  }
}

/** One cheap call before /proc is searched: the group of nearly every worker is empty when it has ended. */
function groupExists(group: number): boolean {
  try {
    return signalGroup(group, null);
  } catch {
    return true; // EPERM: some process of it belongs to another user now
  }
}
