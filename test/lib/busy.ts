/** Whether the C program `hello` has a request in hand, seen from outside. */
import { readFileSync } from 'node:fs';
import { until } from './poll.ts';

/** nanosleep and clock_nanosleep, by which it delays its answer (asm/unistd_64.h, asm-generic/unistd.h). */
const SLEEPS: Readonly<Record<string, readonly string[]>> = { x64: ['35', '230'], arm64: ['101', '115'] };

/**
 * Waits until one of these workers has read a request with `delay_ms` and sleeps over it. To have a connection is
 * not enough: libfcgi gives up a request when a signal comes before it has read it.
 */
export async function untilBusy(pids: readonly number[]): Promise<void> {
  await until(() => pids.some(sleeps), { what: 'a worker to have a request in hand' });
}

/** The system call that it is in is the first word (proc(5)). */
function sleeps(pid: number): boolean {
  const [number = ''] = readFileSync(`/proc/${pid}/syscall`, 'latin1').split(' ');
  return SLEEPS[process.arch]?.includes(number) === true;
}
