/**
 * When workers are ready, by the same look for everybody: so many children of the process that was started sleep in
 * accept(2) on descriptor 0. All that are compared here start their workers as their own children.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

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

function children(pid: number): string[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads
    .flatMap(thread => read(`/proc/${pid}/task/${thread}/children`).split(' '))
    .filter(it => it !== '');
}

/** "43 0x0 …": the number of the system call and its first argument. */
function isAccepting(pid: string): boolean {
  const [call = '', first] = read(`/proc/${pid}/syscall`).split(' ');
  return first === '0x0' && (ACCEPT[arch()]?.includes(call) ?? false);
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
): Promise<number> {
  const ready = new Set<string>();
  while (performance.now() - sinceMs < DEADLINE_MS) {
    assertRunning();
    for (const child of children(pid)) if (!ready.has(child) && isAccepting(child)) ready.add(child);
    if (ready.size >= count) return performance.now() - sinceMs;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`only ${ready.size} of ${count} workers accept after ${DEADLINE_MS} ms`);
}
