/** The run directory removed from under a daemon that writes its state into it at that very moment. */
import { rmSync } from 'node:fs';
import type { Daemon } from './daemon.ts';

export function removeRunDir({ runDir }: Daemon): void {
  for (;;) {
    try {
      rmSync(runDir, { recursive: true, force: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error; // else a file came in between
    }
  }
}
