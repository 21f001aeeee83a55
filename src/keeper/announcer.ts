/** Tells the process that started us with `--daemonize` how the start went, once, over a pipe. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { duplicateOnto } from '../os/descriptor.ts';
import type { Ending, Exit } from './protocol.ts';

export interface Announcement extends Ending {
  readonly ok: boolean;
  /** How the last worker of a pool that did not come up ended; null: not known, or all is well. */
  readonly exit: Exit | null;
  /** The file that is logged to instead of stderr; null: where the configuration says. */
  readonly log: string | null;
}

export class Announcer {
  #descriptor: number | null;

  /** @param descriptor the pipe; null when nobody waits */
  constructor(descriptor: number | null) {
    this.#descriptor = descriptor;
  }

  /** null: nobody waits, or was told. */
  get descriptor(): number | null {
    return this.#descriptor;
  }

  /**
   * After the first call the terminal is left: what still writes to it goes nowhere.
   * @returns whether somebody was to be told
   */
  announce(announcement: Announcement): boolean {
    if (this.#descriptor === null) return false;
    try {
      writeSync(this.#descriptor, `${JSON.stringify(announcement)}\n`);
    } catch {
      // whoever waited has gone
    }
    closeSync(this.#descriptor);
    this.#descriptor = null;
    const nowhere = openSync('/dev/null', 'r+');
    for (const standard of [0, 1, 2]) duplicateOnto(nowhere, standard);
    closeSync(nowhere);
    return true;
  }
}
