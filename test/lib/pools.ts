/** Pool files for tests: what every pool needs, and what a test says otherwise. */
import { join } from 'node:path';
import { compileFixture } from './compile.ts';
import type { Place } from './place.ts';
import { IS_ROOT } from './suite.ts';

/** Dotted keys, as they stand in a pool file. */
export type PoolKeys = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Whom workers run as where root must name somebody. */
export const WORKER_USER = 'www-data';

/** A static pool of two; a key that is undefined is left out. */
export function poolText(keys: PoolKeys): string {
  const all: PoolKeys = {
    user: IS_ROOT ? WORKER_USER : undefined,
    'pm.mode': 'static',
    'pm.max_children': 2,
    ...keys,
  };
  return Object.entries(all)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${JSON.stringify(value)}\n`]))
    .join('');
}

/** Where a test's pool listens. */
export function socketOf(scope: Place, pool: string): string {
  return join(scope.dir, 'run', `${pool}.sock`);
}

/** Makes pools of the C program `hello`, which starts at once and answers with its pid. */
export async function helloPools(scope: Place): Promise<(pool: string, keys?: PoolKeys) => string> {
  const program = await compileFixture('hello');
  return (pool, keys = {}) =>
    poolText({
      command: [program],
      'listen.address': socketOf(scope, pool),
      stop_is_graceful: true,
      ...keys,
    });
}

/** A pool of a shell script that listens on nothing. */
export function scriptPool(script: string, keys: PoolKeys = {}): string {
  return poolText({
    command: ['/bin/sh', '-c', script.replaceAll('$', '$$$$')], // two each: `$` begins a variable of the file's
    protocol: 'other',
    listen: 'none',
    'pm.max_children': 1,
    ...keys,
  });
}
