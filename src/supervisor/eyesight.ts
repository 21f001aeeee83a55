/**
 * Whether there are descriptors to look at the workers with. Without, nothing is looked at and nothing is decided: what
 * cannot be seen would look as if it were gone.
 */
import type { Report } from '../observe/events.ts';
import { currentFileLimit } from '../os/file-limit.ts';
import type { Kernel } from '../worker/kernel.ts';

export class Eyesight {
  readonly #kernel: Kernel;
  readonly #report: Report;
  #wasThere = true;

  constructor(kernel: Kernel, report: Report) {
    this.#kernel = kernel;
    this.#report = report;
  }

  /** Asked anew each time; a change is told. */
  isThere(): boolean {
    const isThere = this.#kernel.hasDescriptors();
    if (isThere !== this.#wasThere)
      this.#report(isThere ? { type: 'sighted' } : { type: 'blind', fileLimit: Number(currentFileLimit()) });
    this.#wasThere = isThere;
    return isThere;
  }
}
