/** php-fpm in a storm: when it listens, and a reload of it seen to its end. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Disturbance } from '../lib/disturb.ts';
import { until } from '../lib/poll.ts';
import { childrenOf } from '../lib/processes.ts';
import { accepts } from '../lib/server.ts';

/** @param listen as in php-fpm's configuration: a path or HOST:PORT */
export async function untilListening(listen: string): Promise<void> {
  await until(() => accepts(listen), { what: `php-fpm to listen on ${listen}` });
}

/** About as often as `fpm-ts reload` can be run: told at once after each, php-fpm would do nothing but reload. */
const PAUSE_MS = 500;

/** It keeps its pid and executes itself anew; the reload is over when it has so many children, and no old one. */
export function reloadPhpFpm(pid: number, count: number): Disturbance {
  return async () => {
    const before = new Set(childrenOf(pid));
    process.kill(pid, 'SIGUSR2');
    await until(
      () => {
        const now = childrenOf(pid);
        return now.length === count && now.every(child => !before.has(child));
      },
      { what: `${count} new children of php-fpm`, deadlineMs: 20_000 },
    );
    await delay(PAUSE_MS);
    return [];
  };
}
