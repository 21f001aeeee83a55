/** One example pool under the real daemon, with every path of the example moved into the suite's directory. */
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { type Replacements, readPool } from '../lib/example.ts';
import type { Scope } from '../lib/suite.ts';

export interface Deployment {
  readonly daemon: Daemon;
  /** The pool's name and the stem of its file. */
  readonly pool: string;
}

/** Where the examples' "/run/fpm-ts" lies in a suite. */
export function runDirectory(scope: Scope): string {
  return join(scope.dir, 'run');
}

/** Starts the daemon with `examples/pools.d/POOL.toml`, its paths replaced as `replacements` say. */
export async function deploy(
  scope: Scope,
  pool: string,
  replacements: Replacements,
  expectedLog: readonly RegExp[] = [],
): Promise<Deployment> {
  const daemon = await startDaemon(scope, {
    pools: { [pool]: readPool(pool, replacements) },
    expectedLog,
  });
  return { daemon, pool };
}

/** The same for a pool on a Unix socket under /run/fpm-ts. */
export function deployUnix(
  scope: Scope,
  pool: string,
  replacements: Replacements,
  expectedLog: readonly RegExp[] = [],
): Promise<Deployment> {
  return deploy(scope, pool, { ...replacements, '/run/fpm-ts': runDirectory(scope) }, expectedLog);
}
