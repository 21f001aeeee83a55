/**
 * One web server for all contestants: it connects to a symbolic link, which leads to the socket of the one that is
 * measured. So nothing differs but who started the workers.
 */
import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../lib/place.ts';

export interface Route {
  /** What the web server connects to. */
  readonly socket: string;
  /** From now on connections go to that socket. */
  to(socket: string): void;
}

export function openRoute(place: Place): Route {
  const socket = join(place.dir, 'current.sock');
  return {
    socket,
    to(target) {
      symlinkSync(target, `${socket}.new`);
      renameSync(`${socket}.new`, socket);
    },
  };
}
