/** Processes by descriptor: a pid can be reused, a pidfd cannot (pidfd_open(2), Linux 5.3). */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { declare, lastErrno, must, SystemError, syscall } from './libc.ts';
import { Poller } from './poller.ts';
import { readStat } from './proc.ts';

const PIDFD_SEND_SIGNAL = 424;
/** PIDFD_SIGNAL_PROCESS_GROUP (linux/pidfd.h). */
const TO_GROUP = 4;
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;
const waitid = declare('int waitid(int, int, void*, int)');
const P_ALL = 0;
const P_PID = 1;
const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const CLD_EXITED = 1;

/** How a process ended: exactly one of the two is set; neither when it was no child of ours, and nobody told us. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** @throws {SystemError} ESRCH when there is no such process */
export function pidfdOpen(pid: number): number {
  return must(syscall(PIDFD_OPEN, 'int', pid, 'int', 0), 'pidfd_open', String(pid));
}

/** Sends a signal to exactly that process. @returns false when it has ended */
export function pidfdSignal(pidfd: number, signal: NodeJS.Signals): boolean {
  const result = syscall(
    PIDFD_SEND_SIGNAL,
    'int',
    pidfd,
    'int',
    constants.signals[signal],
    'void*',
    null,
    'int',
    0,
  );
  return delivered(result, 'pidfd_send_signal');
}

/**
 * Sends a signal to the group that the process leads, or led: the number of the group cannot become another's here
 * (Linux 6.9).
 * @returns false when nothing of it is left; null: this kernel cannot
 */
export function pidfdSignalGroup(pidfd: number, signal: NodeJS.Signals): boolean | null {
  const number = constants.signals[signal];
  const result = syscall(PIDFD_SEND_SIGNAL, 'int', pidfd, 'int', number, 'void*', null, 'int', TO_GROUP);
  if (result !== 0 && lastErrno() === constants.errno.EINVAL) return null;
  return delivered(result, 'pidfd_send_signal');
}

/**
 * As `pidfdSignal`, for a process that is not a child of ours.
 * @param startTicks with which the pid was seen; null: whatever has it now
 * @returns false when it has ended
 */
export function signalProcess(
  pid: number,
  signal: NodeJS.Signals,
  startTicks: number | null = null,
): boolean {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(pid);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ESRCH') return false;
    throw error;
  }
  try {
    if (startTicks !== null && readStat(pid)?.startTicks !== startTicks) return false;
    return pidfdSignal(pidfd, signal);
  } finally {
    closeSync(pidfd);
  }
}

/**
 * A copy of a descriptor that another process has open (pidfd_getfd(2), Linux 5.6), close-on-exec.
 * @throws {SystemError} EPERM where ptrace(2) would be refused, EBADF when it has no such descriptor, ESRCH
 */
export function takeDescriptor(pid: number, descriptor: number): number {
  const pidfd = pidfdOpen(pid);
  try {
    const taken = syscall(PIDFD_GETFD, 'int', pidfd, 'int', descriptor, 'uint', 0);
    return must(taken, 'pidfd_getfd', `${pid}, descriptor ${descriptor}`);
  } finally {
    closeSync(pidfd);
  }
}

const kill = declare('int kill(int, int)');

/**
 * Sends a signal to a process group; null only asks whether there is one. Whoever sends holds the leader unreaped,
 * so that the number cannot be reused.
 * @returns false when no process of it is left
 */
export function signalGroup(group: number, signal: NodeJS.Signals | null): boolean {
  return delivered(kill(-group, signal === null ? 0 : constants.signals[signal]), 'kill');
}

function delivered(result: number, name: string): boolean {
  if (result === 0) return true;
  const errno = lastErrno();
  if (errno === constants.errno.ESRCH) return false;
  throw new SystemError(name, errno);
}

/** It has ended, and how was told to somebody else. */
export const UNKNOWN_EXIT: Exit = { code: null, signal: null };

/** How a process has ended, reaped when it is a child of ours; null when it still runs. */
export function reap(pidfd: number): Exit | null {
  try {
    return wait(P_PIDFD, pidfd, WEXITED | WNOHANG)?.exit ?? null;
  } catch (error) {
    if (error instanceof SystemError && error.errno === constants.errno.ECHILD) return UNKNOWN_EXIT;
    throw error;
  }
}

/** How a child has ended, by its pid: reaped, or left as it is; null when it still runs. */
export function childExit(pid: number, then: 'reap' | 'leave'): Exit | null {
  return wait(P_PID, pid, WEXITED | WNOHANG | (then === 'leave' ? WNOWAIT : 0))?.exit ?? null;
}

/** The pid of some child that has ended and is not reaped yet, left as it is; null when there is none. */
export function peekEndedChild(): number | null {
  try {
    return wait(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT)?.pid ?? null;
  } catch (error) {
    if (error instanceof SystemError && error.errno === constants.errno.ECHILD) return null;
    throw error;
  }
}

/** Reaps a child by pid, as pid 1 does with orphans. */
export function reapPid(pid: number): void {
  wait(P_PID, pid, WEXITED | WNOHANG);
}

/** Reaps a child that was sent SIGKILL; blocks for the moment until it has ended. */
export function awaitEnd(pid: number): void {
  wait(P_PID, pid, WEXITED);
}

/** A siginfo_t. */
const info: Buffer = Buffer.alloc(128);

function wait(kind: number, id: number, options: number): { pid: number; exit: Exit } | null {
  info.writeInt32LE(0, 16); // as some kernels leave it alone when nothing has ended
  must(waitid(kind, id, info, options), 'waitid');
  // On 64-bit Linux: si_code at 8, si_pid at 16, si_status at 24; si_pid stays 0 when nothing has ended.
  const pid = info.readInt32LE(16);
  if (pid === 0) return null;
  const status = info.readInt32LE(24);
  if (info.readInt32LE(8) === CLD_EXITED) return { pid, exit: { code: status, signal: null } };
  return { pid, exit: { code: null, signal: signalName(status) } };
}

function signalName(number: number): NodeJS.Signals {
  for (const [name, value] of Object.entries(constants.signals)) {
    if (value === number) return name as NodeJS.Signals;
  }
  return `SIG${number}` as NodeJS.Signals; // a real-time signal, which Node has no name for
}

/** Waits until a process, whoever's child it is, has ended. */
export async function untilEnded(pid: number): Promise<void> {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(pid);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ESRCH') return;
    throw error;
  }
  const poller = new Poller();
  await new Promise<void>(resolve => {
    poller.add(pidfd, () => {
      poller.remove(pidfd);
      resolve();
    });
  });
  poller.close();
  closeSync(pidfd);
}
