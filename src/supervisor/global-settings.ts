/**
 * The settings of fpm-ts.toml: what is in effect, and what the files say. Some of them only a restart applies: until
 * then the two differ, also for a supervisor that comes after this one.
 */
import * as z from 'zod';
import { reloadPlan } from '../config/plan.ts';
import { SAVED_GLOBALS } from '../config/saved.ts';
import { applied } from '../config/schema/derive.ts';
import { globalSettings } from '../config/schema/global.ts';
import type { TomlValue } from '../config/toml/write.ts';
import type { GlobalConfig } from '../config/types.ts';
import { SETTINGS } from '../keeper/notes.ts';
import type { Note } from '../keeper/protocol.ts';

export type Globals = Omit<GlobalConfig, 'pools'>;

/** A setting whose value in the files is not in effect. */
export interface Pending {
  /** In dotted form. */
  readonly key: string;
  readonly running: TomlValue | undefined;
  readonly wanted: TomlValue | undefined;
}

const NOTE = z.object({ running: SAVED_GLOBALS, wanted: SAVED_GLOBALS });

export class Settings {
  #running: Globals;
  #wanted: Globals;

  constructor(running: Globals, wanted: Globals = running) {
    this.#running = globalsOf(running);
    this.#wanted = globalsOf(wanted);
  }

  /** @throws {Error} that says what is wrong with the note */
  static parse(text: string): Settings {
    const parsed = NOTE.safeParse(JSON.parse(text));
    if (parsed.success) return new Settings(parsed.data.running, parsed.data.wanted);
    throw new Error(`the saved settings are damaged: ${z.prettifyError(parsed.error)}`);
  }

  /** What is in effect. */
  get running(): Globals {
    return this.#running;
  }

  /** What the files said when they were last read. */
  get wanted(): Globals {
    return this.#wanted;
  }

  /** What only a restart applies. */
  get pending(): readonly Pending[] {
    const [plan] = reloadPlan({ ...this.#running, pools: [] }, { ...this.#wanted, pools: [] });
    const changes = plan?.changes ?? [];
    return changes.map(({ key, before, after }) => ({ key, running: before, wanted: after }));
  }

  /** The files have been read: what can be applied at once is in effect from now on. */
  take(wanted: Globals): void {
    this.#wanted = globalsOf(wanted);
    this.#running = applied(globalSettings, this.#running, this.#wanted);
  }

  get note(): Note {
    const text = JSON.stringify({ running: this.#running, wanted: this.#wanted });
    return { name: SETTINGS, text };
  }
}

/** Also of a whole configuration. */
function globalsOf(config: Globals | GlobalConfig): Globals {
  const { pools: _, ...globals } = { pools: [], ...config };
  return globals;
}
