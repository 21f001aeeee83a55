/** Resource limits of processes (getrlimit(2)) as far as pools can set them. */
import { declare, must } from './libc.ts';

const prlimit = declare('int prlimit(int pid, int resource, const void *wanted, _Out_ void *now)');

/** The numbers of asm-generic/resource.h, which x86, arm, riscv, ppc and s390 share. */
const RESOURCES = { stack: 3, core: 4, nproc: 6, files: 7, memlock: 8, as: 9, nice: 13 } as const;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** The resources by the second half of their key, as in `rlimit_files`, and RLIMIT_NICE and RLIMIT_STACK. */
export type Resource = keyof typeof RESOURCES;

/** Both in the unit of the resource (bytes, a count, 20 minus a nice value); Infinity where there is no limit. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/**
 * Reads a limit; `pid` 0 is this process. Note that Node raises its own soft limit of `files` as it starts.
 * @throws {SystemError} ESRCH when there is no such process, EPERM when it is not ours to look at
 */
export function readLimit(resource: Resource, pid = 0): Limit {
  const now = Buffer.alloc(16);
  must(prlimit(pid, RESOURCES[resource], null, now), 'prlimit', resource);
  return { soft: toNumber(now.readBigUInt64LE(0)), hard: toNumber(now.readBigUInt64LE(8)) };
}

function toNumber(value: bigint): number {
  return value === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(value);
}
