/** The notes that the keeper itself makes; all others are the supervisor's and opaque to it. */

/** How the last upgrade went, as JSON. */
export const LAST_UPGRADE = 'last_upgrade';
/** "yes" after an upgrade, until a supervisor has seen it. */
export const RESUMED = 'resumed';

/**
 * What the keeper shows of the pools while no supervisor stays alive (stand-in.ts). The supervisor's, which knows the
 * configuration.
 */
export const STAND_IN = 'stand_in';

export interface StandInNote {
  /** Whose members may use the control socket; null: nobody's. */
  readonly controlGid: number | null;
  readonly pools: readonly StandInPool[];
}

export interface StandInPool {
  readonly name: string;
  /** Its user may look at it; null: who that is, is not known. */
  readonly uid: number | null;
  /** It was not stopped. */
  readonly isWanted: boolean;
  readonly protocol: string;
  readonly dispatch: string;
  readonly pm: { readonly mode: string; readonly max_children: number };
  readonly address: string;
}
