/**
 * What the last keeper has left in a run directory, for whoever explains why an address is taken: its workers go on
 * serving when it is killed. Only looks; who takes it over is adoption.ts.
 */
import { readJournal } from './journal-reader.ts';
import { isRunning } from './state.ts';

export interface Left {
  /** Of the listening sockets: the number in `socket:[N]`. */
  readonly inodes: ReadonlySet<number>;
  /** How many workers still run without a keeper. */
  readonly workers: number;
  /** Why that cannot be known; null: it is known. */
  readonly unusable: string | null;
}

/** Before a keeper has taken the directory. */
export function leftIn(runDir: string): Left {
  const state = readJournal(runDir);
  if (state === null || typeof state === 'string') {
    const isClosed = state?.includes(' EACCES') === true; // to an ordinary user, who looks and does not start
    return { inodes: new Set(), workers: 0, unusable: isClosed ? null : state };
  }
  return {
    inodes: new Set(state.listeners.map(({ inode }) => inode)),
    workers: isRunning(state.keeper) ? 0 : state.workers.filter(isRunning).length,
    unusable: null,
  };
}
