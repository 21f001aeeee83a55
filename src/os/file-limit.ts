/**
 * Node raises its own soft descriptor limit to the hard one as it starts (src/node.cc), and children would
 * inherit that. This puts back what our parent had, for the instant of a spawn.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { declare, must } from './libc.ts';

const prlimit = declare('int prlimit(int, int, void*, void*)');
const RLIMIT_NOFILE = 7;
/** What the kernel and systemd give by default; select(2) cannot handle more. */
const DEFAULT_SOFT = 1024n;

class SoftFileLimit {
  #wanted: bigint | null = null;

  /** What children get, as a decimal number; null: it was not needed so far. */
  get wanted(): string | null {
    return this.#wanted?.toString() ?? null;
  }

  /** What an earlier program of this process had found: by now our parent may be another. */
  set wanted(limit: string | null) {
    this.#wanted = limit === null ? null : BigInt(limit);
  }

  /** Lowers the soft limit of this process; the returned function raises it again. */
  lower(): () => void {
    const now = Buffer.alloc(16);
    must(prlimit(0, RLIMIT_NOFILE, null, now), 'prlimit');
    const hard = now.readBigUInt64LE(8);
    this.#wanted ??= inheritedSoftLimit(hard);
    const lowered = Buffer.from(now);
    // The hard limit may have been lowered meanwhile (prlimit(1)); a soft one above it is refused.
    lowered.writeBigUInt64LE(smaller(this.#wanted, hard), 0);
    must(prlimit(0, RLIMIT_NOFILE, lowered, null), 'prlimit');
    return () => {
      must(prlimit(0, RLIMIT_NOFILE, now, null), 'prlimit');
    };
  }
}

/** The soft limit of whoever started us, where its hard limit is ours; pid 1's own limits say nothing about its services. */
function inheritedSoftLimit(hard: bigint): bigint {
  const fallback = smaller(DEFAULT_SOFT, hard);
  if (process.ppid <= 1) return fallback;
  try {
    const limits = readFileSync(`/proc/${process.ppid}/limits`, 'latin1');
    const [, soft, parentHard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(limits) ?? [];
    if (soft === undefined || parentHard === undefined || BigInt(parentHard) !== hard) return fallback;
    return BigInt(soft);
  } catch {
    return fallback;
  }
}

/** Math.min has no bigint. */
function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

function larger(a: bigint, b: bigint): bigint {
  return a < b ? b : a;
}

export const softFileLimit: SoftFileLimit = new SoftFileLimit();

/** Gives this process the soft limit that it was started with, for good. */
export function restoreSoftFileLimit(): void {
  softFileLimit.lower();
}

/**
 * Sets the soft limit of this process and of all its children, for whoever starts them in threads and cannot lower it
 * for the instant of each: as high as this process needs it, but not lower than the default, nor above the hard one.
 */
export function setSoftFileLimit(neededFiles: number): void {
  const now = Buffer.alloc(16);
  must(prlimit(0, RLIMIT_NOFILE, null, now), 'prlimit');
  const wanted = neededFiles > DEFAULT_SOFT ? BigInt(neededFiles) : DEFAULT_SOFT;
  now.writeBigUInt64LE(smaller(wanted, now.readBigUInt64LE(8)), 0);
  must(prlimit(0, RLIMIT_NOFILE, now, null), 'prlimit');
}

/**
 * Lowers the hard limit of a child that was just started, and no soft limit below what it was started with. The
 * supervisor looks into workers, and what it finds there should not be a million descriptors each.
 */
export function lowerHardFileLimit(pid: number, most: bigint): void {
  const now = Buffer.alloc(16);
  if (prlimit(pid, RLIMIT_NOFILE, null, now) < 0) return; // it has ended
  const soft = now.readBigUInt64LE(0);
  const wanted = softFileLimit.wanted === null ? most : larger(most, BigInt(softFileLimit.wanted));
  if (now.readBigUInt64LE(8) <= wanted) return;
  now.writeBigUInt64LE(smaller(soft, wanted), 0);
  now.writeBigUInt64LE(wanted, 8);
  prlimit(pid, RLIMIT_NOFILE, now, null); // it may end, or change its user, at any time
}

/** What one look at the system has open at a time, and some to spare for what threads of Node's open meanwhile. */
const ENOUGH_FOR_A_LOOK = 4;

/**
 * Whether there are descriptors to look at the system with. Without, a process cannot be told from one that has ended,
 * nor a busy worker from an idle one.
 */
export function hasDescriptors(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < ENOUGH_FOR_A_LOOK) opened.push(openSync('/dev/null', 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** How many files this process may have open; opens none, as there may be none left to open. */
export function currentFileLimit(): bigint {
  const now = Buffer.alloc(16);
  must(prlimit(0, RLIMIT_NOFILE, null, now), 'prlimit');
  return now.readBigUInt64LE(0);
}

/** What a user needs to hear beside EMFILE. */
export function fileLimitText(): string {
  return `the keeper may have ${currentFileLimit()} files open, and each worker takes 3 of them; raise the limit (\`ulimit -Hn\`, LimitNOFILE= in a systemd unit) and start fpm-ts again, or configure fewer workers`;
}
