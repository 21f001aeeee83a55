/** The notes that the keeper itself makes; all others are the supervisor's and opaque to it. */

/** How the last upgrade went, as JSON. */
export const LAST_UPGRADE = 'last_upgrade';
/** "yes" after an upgrade, until a supervisor has seen it. */
export const RESUMED = 'resumed';
