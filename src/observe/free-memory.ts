/**
 * How much memory is left: of the host, or of our own control group where that has a limit and less is left below it.
 * Read once a second, off the supervisor's loop, and only when process.min_free_memory is set.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SAMPLE_MS = 1000;
const MEBIBYTE = 1024 * 1024;

export interface FreeMemory {
  readonly bytes: number;
  /** "the host" or "control group /PATH". */
  readonly where: string;
}

/** Where to read; tests have trees of their own. */
export interface MemoryPlaces {
  readonly membership: string;
  readonly mount: string;
}

const PLACES: MemoryPlaces = { membership: '/proc/self/cgroup', mount: '/sys/fs/cgroup' };

export class FreeMemoryWatch {
  /** Below so many bytes memory is short. */
  readonly #least: number;
  #last: FreeMemory | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(leastBytes: number) {
    this.#least = leastBytes;
    void this.#sample();
  }

  /** In words, when there is less than there should be; null: there is enough, or nothing is known yet. */
  get short(): string | null {
    return this.#last === null ? null : shortage(this.#last, this.#least);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** The next one begins when this one is over: a machine short of memory may take long. */
  async #sample(): Promise<void> {
    this.#last = await freeMemory();
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#sample(), SAMPLE_MS);
    this.#timer.unref();
  }
}

export function shortage({ bytes, where }: FreeMemory, leastBytes: number): string | null {
  if (bytes >= leastBytes) return null;
  return `${mebibytes(bytes)} of memory are free in ${where}, process.min_free_memory is ${mebibytes(leastBytes)}`;
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MEBIBYTE)}M`;
}

/** The least of what the host and the control groups around us have left. */
export async function freeMemory(places: MemoryPlaces = PLACES): Promise<FreeMemory> {
  const [host, around] = await Promise.all([ofHost(), groups(places)]);
  return around.reduce((least, group) => (group.bytes < least.bytes ? group : least), host);
}

/** What can be had without swapping, as the kernel estimates it (proc_meminfo(5): MemAvailable). */
async function ofHost(): Promise<FreeMemory> {
  const kibibytes = /^MemAvailable: +(\d+) kB$/m.exec((await read('/proc/meminfo')) ?? '')?.[1];
  return {
    bytes: kibibytes === undefined ? Number.POSITIVE_INFINITY : Number(kibibytes) * 1024,
    where: 'the host',
  };
}

/** Names of the files: cgroup v2 (cgroup-v2.rst), and v1's memory controller (cgroup-v1/memory.rst). */
const V2 = { limit: 'memory.max', usage: 'memory.current', cache: /^inactive_file (\d+)$/m };
const V1 = {
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  cache: /^total_inactive_file (\d+)$/m,
};

/** Our own control group and those around it, as far as they have a limit: the lowest of them holds. */
async function groups({ membership, mount }: MemoryPlaces): Promise<FreeMemory[]> {
  const text = (await read(membership)) ?? '';
  // A hierarchy of v1 has the controller when it is listed there; it is then not in v2's.
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(text)?.[1];
  const path = v1 ?? /^0::(.*)$/m.exec(text)?.[1];
  if (path === undefined) return [];
  const [files, root] = v1 === undefined ? [V2, mount] : [V1, join(mount, 'memory')];
  const found = await Promise.all(ancestors(path).map(group => inGroup(join(root, group), group, files)));
  return found.filter(it => it !== null);
}

/** "/a/b" -> "/a/b", "/a", "/". In a container the upper ones are not there, and what is mounted is the container's. */
function ancestors(path: string): string[] {
  return path === '/' ? ['/'] : [path, ...ancestors(dirname(path))];
}

async function inGroup(directory: string, group: string, files: typeof V2): Promise<FreeMemory | null> {
  const [limit, usage, stat] = await Promise.all(
    [files.limit, files.usage, 'memory.stat'].map(name => read(join(directory, name))),
  );
  const bytes = Number(limit); // "max" is no limit
  if (
    limit === null ||
    limit === undefined ||
    usage === null ||
    usage === undefined ||
    !Number.isFinite(bytes)
  )
    return null;
  // Pages of files that nobody has used lately give way before anybody is killed: without them a group that
  // reads files would look full for ever.
  const cache = Number(files.cache.exec(stat ?? '')?.[1] ?? 0);
  return { bytes: Math.max(0, bytes - Number(usage) + cache), where: `control group ${group}` };
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null; // not there, or gone meanwhile
  }
}
