/** The notes that the keeper itself makes or reads; all others are the supervisor's and opaque to it. */
import { VERSION } from '../version.ts';

/** How the last upgrade went. The supervisor says so where it is there still, or again; else the keeper. */
export const LAST_UPGRADE = 'last_upgrade';

export interface LastUpgrade {
  readonly at: string;
  readonly ok: boolean;
  /** Versions; `to` is null where it is not known. */
  readonly from: string;
  readonly to: string | null;
  readonly message: string;
}

/** @returns null: it is damaged, and not worth more than that */
export function parseLastUpgrade(text: string): LastUpgrade | null {
  const note = JSON.parse(text) as Partial<LastUpgrade> | null;
  const isNote =
    typeof note?.at === 'string' &&
    typeof note.ok === 'boolean' &&
    typeof note.from === 'string' &&
    typeof note.message === 'string' &&
    (note.to === null || typeof note.to === 'string');
  return isNote ? (note as LastUpgrade) : null;
}

/** Right now that version has become this one. */
export function upgradedFrom(version: string): LastUpgrade {
  return { at: new Date().toISOString(), ok: true, from: version, to: VERSION, message: '' };
}

/** Right now it came to nothing. */
export function notUpgraded(reason: string): LastUpgrade {
  return { at: new Date().toISOString(), ok: false, from: VERSION, to: null, message: reason };
}

/** "yes" after an upgrade, until a supervisor has seen it. */
export const RESUMED = 'resumed';

/** The settings of fpm-ts.toml, as a supervisor leaves them. Without this note there is nothing to continue. */
export const SETTINGS = 'config';

const POOL = 'pool:';

/** The name of the note that a supervisor leaves of a pool. */
export function poolNoteName(pool: string): string {
  return POOL + pool;
}

/** The pool that a note is about; null: it is about something else. */
export function notedPool(name: string): string | null {
  return name.startsWith(POOL) ? name.slice(POOL.length) : null;
}

/** How the last reload went, and whether one is under way. The supervisor's; the keeper shows it while there is none. */
export const LAST_RELOAD = 'last_reload';
