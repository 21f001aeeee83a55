/**
 * Scripts that are to end, each with all of its process group: SIGTERM, and SIGKILL for what is still there after a
 * while. Their leader is left unreaped until nothing of the group runs, so that its number cannot be that of strangers.
 */
import { nowMs } from '../../../os/clock.ts';
import { hasDescriptors } from '../../../os/file-limit.ts';
import { SystemError } from '../../../os/libc.ts';
import { childExit, type Exit, signalGroup, UNKNOWN_EXIT } from '../../../os/pidfd.ts';
import { livingGroups } from '../../../os/proc.ts';

/** How often it is looked whether somebody has ended; a look at all groups costs more and is made less and less often. */
const LOOK_EVERY_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** @param isKilled whether SIGTERM was not enough */
type Ended = (exit: Exit, isKilled: boolean) => void;

interface Ending {
  readonly pid: number;
  readonly killAtMs: number;
  readonly ended: Ended;
  isKilled: boolean;
  /** When the group is looked at next, and the pause after that; from when the leader has ended. */
  lookAtMs: number;
  pauseMs: number;
}

export class Endings {
  readonly #killAfterMs: number;
  readonly #endings = new Map<number, Ending>();
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  constructor(killAfterMs: number) {
    this.#killAfterMs = killAfterMs;
  }

  /**
   * @param pid a child of ours that leads a process group, and is reaped by nobody else from now on
   * @param ended nothing of it runs any more
   */
  begin(pid: number, ended: Ended): void {
    const now = nowMs();
    const killAtMs = now + this.#killAfterMs;
    this.#endings.set(pid, { pid, killAtMs, ended, isKilled: false, lookAtMs: now, pauseMs: LOOK_EVERY_MS });
    signalAsAllowed(pid, 'SIGTERM');
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Resolves when everybody has ended that is to. */
  async settled(): Promise<void> {
    if (this.#endings.size === 0) return;
    await new Promise<void>(resolve => {
      this.#idle = resolve;
    });
  }

  #look(): void {
    const now = nowMs();
    const leaderless = [...this.#endings.values()].filter(ending => this.#isLeaderless(ending, now));
    if (leaderless.length > 0 && hasDescriptors()) {
      const living = livingGroups();
      for (const ending of leaderless) {
        if (!living.has(ending.pid)) this.#finish(ending);
      }
    }
    if (this.#endings.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#idle?.();
  }

  /** Kills what has had its time. @returns whether the leader has ended, and it is time to look for the others */
  #isLeaderless(ending: Ending, now: number): boolean {
    if (!ending.isKilled && now >= ending.killAtMs) {
      ending.isKilled = true;
      ending.lookAtMs = now;
      ending.pauseMs = LOOK_EVERY_MS;
      signalAsAllowed(ending.pid, 'SIGKILL');
    }
    if (now < ending.lookAtMs || childExit(ending.pid, 'leave') === null) return false;
    ending.lookAtMs = now + ending.pauseMs;
    ending.pauseMs = Math.min(ending.pauseMs * 2, LONGEST_PAUSE_MS);
    return true;
  }

  #finish(ending: Ending): void {
    this.#endings.delete(ending.pid);
    ending.ended(childExit(ending.pid, 'reap') ?? UNKNOWN_EXIT, ending.isKilled);
  }
}

/** A script that has become another user is out of our reach. */
function signalAsAllowed(group: number, signal: NodeJS.Signals): void {
  try {
    signalGroup(group, signal);
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'EPERM')) throw error;
  }
}
