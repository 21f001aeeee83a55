/** Which process of a worker has a connection, and as which descriptor. */
import type { LookBudget } from '../os/look-budget.ts';
import { descriptorsOf, firstDescendants, linkOf } from '../os/proc.ts';

export interface Holder {
  /** The worker, and which of its processes holds the connection: itself or a child. */
  readonly worker: number;
  readonly process: number;
  readonly descriptor: number;
}

/** Looks through workers for these connections, as far as the budget goes. @returns by inode; what was not seen is missing */
export function findHolders(
  workers: Iterable<number>,
  connections: ReadonlySet<number>,
  budget: LookBudget,
): ReadonlyMap<number, Holder> {
  const found = new Map<number, Holder>();
  for (const worker of workers) {
    if (found.size === connections.size) break;
    for (const process of firstDescendants(worker, budget)) {
      for (const descriptor of descriptorsIn(process, budget)) {
        const inode = socketOf(process, descriptor);
        // Children have what their parent had when they were forked: the last to be found is the deepest.
        if (inode !== null && connections.has(inode)) found.set(inode, { worker, process, descriptor });
      }
    }
  }
  return found;
}

export function stillHolds({ process, descriptor }: Holder, connection: number): boolean {
  return socketOf(process, descriptor) === connection;
}

function descriptorsIn(process: number, budget: LookBudget): number[] {
  try {
    return descriptorsOf(process, budget) ?? [];
  } catch {
    return []; // it has ended, or we may not look
  }
}

function socketOf(process: number, descriptor: number): number | null {
  const link = linkOf(process, descriptor);
  return link?.startsWith('socket:[') === true ? Number(link.slice(8, -1)) : null;
}
