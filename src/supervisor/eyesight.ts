/**
 * Whether there are descriptors to look at the workers with. Without, nothing is looked at and nothing is decided: what
 * cannot be seen would look as if it were gone.
 */
import type { Report } from '../observe/events.ts';
import { currentFileLimit, hasDescriptors } from '../os/file-limit.ts';

export class Eyesight {
  readonly #report: Report;
  #wasThere = true;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Asked anew each time; a change is told. */
  isThere(): boolean {
    const isThere = hasDescriptors();
    if (isThere !== this.#wasThere)
      this.#report(isThere ? { type: 'sighted' } : { type: 'blind', fileLimit: Number(currentFileLimit()) });
    this.#wasThere = isThere;
    return isThere;
  }
}
