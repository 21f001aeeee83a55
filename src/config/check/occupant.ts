/** Who has an address that a pool is to have, in words, and what to do about it. */
import type { Holder } from '../../os/address.ts';
import { keeperOf } from '../../os/keepers.ts';

export interface Occupant {
  readonly who: string;
  readonly remedy: string;
}

/** @param unknown what to call a holder that is not seen */
export function describeOccupant(holder: Holder | null, unknown: string, other: string): Occupant {
  const keeper = holder === null ? null : keeperOf(holder.pid);
  if (keeper !== null) {
    const remedy = `was run_dir or control.socket changed since it was started? Set the old value until it is stopped; or choose ${other}`;
    return { who: `fpm-ts, which runs as pid ${keeper},`, remedy };
  }
  const who = holder === null ? unknown : `${holder.program} (pid ${holder.pid})`;
  return { who, remedy: `end that program, or choose ${other}` };
}
