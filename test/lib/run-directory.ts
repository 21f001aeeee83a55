/** The run directory removed from under a daemon that writes its state into it at that very moment. */
import { rmSync } from 'node:fs';
import type { Daemon } from './daemon.ts';

export function removeRunDir({ runDir }: Daemon): void {
  rmSync(runDir, { recursive: true, maxRetries: 10, retryDelay: 10 }); // ENOTEMPTY: a file came in between
}
