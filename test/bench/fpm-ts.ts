/** fpm-ts as a contestant: what a sample pool says, with the size of the measurement. */
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { readPool } from '../lib/example.ts';
import { openInner, type Place } from '../lib/place.ts';
import type { Status } from '../lib/status.ts';

export interface HelloOptions {
  readonly program: string;
  readonly workers: number;
  /** More lines of the pool file. */
  readonly more?: string;
  /** See DaemonOptions. */
  readonly ready?: (status: Status) => boolean;
}

/** The pool of examples/pools.d/hello.toml. */
export async function startHello(
  outer: Place,
  options: HelloOptions,
): Promise<{ daemon: Daemon; socket: string }> {
  const place = openInner(outer, 'fpm-ts');
  const text = readPool('hello', {
    '/usr/local/libexec/hello': options.program,
    '/run/fpm-ts': join(place.dir, 'run'),
    'max_children = 2': `max_children = ${options.workers}`,
  });
  const daemon = await startDaemon(place, {
    pools: { hello: `${text}\n${options.more ?? ''}\n` },
    ...(options.ready !== undefined && { ready: options.ready }),
  });
  return { daemon, socket: join(daemon.runDir, 'hello.sock') };
}
