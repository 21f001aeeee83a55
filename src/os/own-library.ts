/**
 * A native library is read from its file whenever a page of it is first needed, and when somebody empties that file
 * (`cp` over an installation does, before it writes) even the pages that we have are taken away: the next instruction
 * in them is a SIGBUS. So its pages are moved to memory of our own, at the same addresses.
 */
import { readFileSync } from 'node:fs';
import { declare, must } from './libc.ts';

// Addresses are passed as numbers: what is mapped where, /proc/self/maps says.
const mmap = declare('uint64_t mmap(uint64_t, size_t, int, int, int, int64_t)') as AddressFunction;
const mremap = declare('uint64_t mremap(uint64_t, size_t, size_t, int, uint64_t)') as AddressFunction;
const memcpy = declare('uint64_t memcpy(uint64_t, uint64_t, size_t)') as AddressFunction;
const mprotect = declare('int mprotect(uint64_t, size_t, int)');
const munmap = declare('int munmap(uint64_t, size_t)');

type AddressFunction = (...args: unknown[]) => number | bigint;

const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const PRIVATE_ANONYMOUS = 0x22;
const MAYMOVE_FIXED = 3;

interface Mapping {
  readonly start: bigint;
  readonly bytes: number;
  readonly protection: number;
}

/**
 * Makes this process independent of the files of its native libraries. To be called before it has a second thread that
 * runs in one of them. Where the kernel refuses (a policy against memory that was written and is then executed), the
 * library stays as it is.
 */
export function ownLibraries(): void {
  for (const mapping of libraryMappings(readFileSync('/proc/self/maps', 'utf8'))) own(mapping);
}

/** The readable parts of Node's addons in a text of proc_pid_maps(5); what is left out only fills a gap. */
export function libraryMappings(maps: string): Mapping[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r(.)(.)\S .* \/.*\.node(?: \(deleted\))?$/gm)].map(
    ([, from, to, write, execute]) => {
      const start = BigInt(`0x${from}`);
      return {
        start,
        bytes: Number(BigInt(`0x${to}`) - start),
        protection: READ | (write === 'w' ? WRITE : 0) | (execute === 'x' ? EXECUTE : 0),
      };
    },
  );
}

/** The calls of this function run in the very pages that they replace: in one step, by the same bytes. */
function own({ start, bytes, protection }: Mapping): void {
  const copy = mmap(0, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
  if (BigInt(copy) === MAP_FAILED) return;
  memcpy(copy, start, bytes);
  if (mprotect(copy, bytes, protection) < 0) {
    must(munmap(copy, bytes), 'munmap');
    return;
  }
  if (BigInt(mremap(copy, bytes, bytes, MAYMOVE_FIXED, start)) === MAP_FAILED) munmap(copy, bytes);
}

const MAP_FAILED = 2n ** 64n - 1n;
