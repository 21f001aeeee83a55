/** Who has an address that a pool is to have, in words, and what to do about it. */
import type { Holder } from '../../os/address.ts';
import { keeperOf } from '../../os/keepers.ts';

export interface Occupant {
  readonly who: string;
  readonly remedy: string;
}

/** What the last keeper has left: its workers go on when it is killed. */
export interface LeftListeners {
  /** Sockets that are no stranger's: the next start continues with them. */
  readonly inodes: ReadonlySet<number>;
  /** Why it is not known; null: it is. */
  readonly unusable: string | null;
}

export const NOTHING_LEFT: LeftListeners = { inodes: new Set(), unusable: null };

/**
 * @param unknown what to call a holder that is not seen
 * @param other what to choose instead
 */
export function describeOccupant(
  holder: Holder | null,
  unknown: string,
  other: string,
  { unusable }: LeftListeners,
): Occupant {
  const keeper = holder === null ? null : keeperOf(holder.pid);
  if (keeper !== null) {
    const remedy = `was run_dir or control.socket changed since it was started? Set the old value until it is stopped; or choose ${other}`;
    return { who: `fpm-ts, which runs as pid ${keeper},`, remedy };
  }
  const what = holder === null ? unknown : `${holder.program} (pid ${holder.pid})`;
  const perhaps = `, perhaps a worker that an earlier fpm-ts has left (${unusable}),`;
  return {
    who: `${what}${unusable === null ? '' : perhaps}`,
    remedy: `end that program, or choose ${other}`,
  };
}
