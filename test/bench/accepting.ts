/**
 * When workers are ready, by the same look for everybody: so many children of the process that was started sleep in
 * accept(2). All that are compared here start their workers as their own children.
 */
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf } from '../lib/processes.ts';

/** accept, accept4 (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const ACCEPT: Readonly<Record<string, readonly string[]>> = { x64: ['43', '288'], arm64: ['202', '242'] };

/** Short beside what is measured; a look costs well below a millisecond, because who was ready is not looked at again. */
const LOOK_EVERY_MS = 5;
const DEADLINE_MS = 60_000;

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

/** "43 0x0 …": the number of the system call and its arguments. php-fpm's children accept on another descriptor than 0. */
function isAccepting(pid: number): boolean {
  const [call = ''] = read(`/proc/${pid}/syscall`).split(' ');
  return ACCEPT[arch()]?.includes(call) ?? false;
}

export interface AcceptingOptions {
  readonly deadlineMs?: number;
  /** Longer where the looks at many workers that are not ready would be what is measured. */
  readonly everyMs?: number;
}

/**
 * Milliseconds from `sinceMs` (performance.now) until `count` children of `pid` accept.
 * @param assertRunning throws when it makes no sense to wait any longer
 */
export async function untilAccepting(
  pid: number,
  count: number,
  sinceMs: number,
  assertRunning: () => void,
  { deadlineMs = DEADLINE_MS, everyMs = LOOK_EVERY_MS }: AcceptingOptions = {},
): Promise<number> {
  const ready = new Set<number>();
  while (performance.now() - sinceMs < deadlineMs) {
    assertRunning();
    for (const child of childrenOf(pid)) if (!ready.has(child) && isAccepting(child)) ready.add(child);
    if (ready.size >= count) return performance.now() - sinceMs;
    await delay(everyMs);
  }
  throw new Error(`only ${ready.size} of ${count} workers accept after ${deadlineMs} ms`);
}
