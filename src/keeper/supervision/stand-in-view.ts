/**
 * What the keeper shows of the pools while no supervisor stays alive: read from the notes that supervisors leave for each
 * other, when somebody asks. A note that is not as expected is shown as far as it is understood.
 */
import { lookupGroup, lookupUser } from '../../os/users.ts';
import { notedPool, SETTINGS } from '../notes.ts';

export interface StandInView {
  /** Whose members may use the control socket; null: nobody's. */
  readonly controlGid: number | null;
  /** By name. */
  readonly pools: readonly StandInPool[];
}

export interface StandInPool {
  readonly name: string;
  /** Its user may look at it; null: who that is, is not known. */
  readonly uid: number | null;
  /** It was not stopped. */
  readonly isWanted: boolean;
  readonly isPaused: boolean;
  readonly protocol: string;
  readonly dispatch: string;
  readonly pm: { readonly mode: string; readonly max_children: number };
  readonly address: string;
}

export function standInView(notes: ReadonlyMap<string, string>): StandInView {
  const pools: StandInPool[] = [];
  for (const [name, text] of notes) {
    const pool = notedPool(name);
    if (pool !== null) pools.push(poolView(pool, parsed(text)));
  }
  const group = at(parsed(notes.get(SETTINGS) ?? 'null'), 'running', 'control', 'group');
  return {
    controlGid: typeof group === 'string' && group !== '' ? (lookupGroup(group)?.gid ?? null) : null,
    pools: pools.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function poolView(name: string, note: unknown): StandInPool {
  const user = at(note, 'config', 'user');
  const maxChildren = at(note, 'config', 'pm', 'maxChildren');
  return {
    name,
    uid: typeof user === 'string' ? (lookupUser(user)?.uid ?? null) : null,
    isWanted: at(note, 'desired') === 'running',
    isPaused: typeof at(note, 'pausedAt') === 'number',
    protocol: textAt(note, 'config', 'protocol'),
    dispatch: textAt(note, 'config', 'dispatch'),
    pm: {
      mode: textAt(note, 'config', 'pm', 'mode'),
      max_children: typeof maxChildren === 'number' ? maxChildren : 0,
    },
    address: textAt(note, 'config', 'listen', 'address', 'text'),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}
