/**
 * All processes in one pass over /proc. What looks for the processes of many workers in one turn of the event loop shares
 * a pass: one for each worker would cost the square of their number.
 */
import { allPids, type ProcessStat, readStat } from './proc.ts';

export class ProcessTable {
  readonly #byPid = new Map<number, ProcessStat>();
  readonly #byGroup = new Map<number, ProcessStat[]>();

  /** Zombies are left out. */
  constructor() {
    for (const pid of allPids()) {
      const stat = readStat(pid);
      if (stat === null || stat.state === 'Z' || stat.state === 'X') continue;
      this.#byPid.set(pid, stat);
      const group = this.#byGroup.get(stat.group);
      if (group === undefined) this.#byGroup.set(stat.group, [stat]);
      else group.push(stat);
    }
  }

  get all(): Iterable<ProcessStat> {
    return this.#byPid.values();
  }

  get(pid: number): ProcessStat | null {
    return this.#byPid.get(pid) ?? null;
  }

  group(group: number): readonly ProcessStat[] {
    return this.#byGroup.get(group) ?? [];
  }
}

let current: ProcessTable | null = null;

/** As the processes were at the first look of this turn of the event loop. */
export function processTable(): ProcessTable {
  if (current === null) {
    current = new ProcessTable();
    setImmediate(() => {
      current = null;
    });
  }
  return current;
}
