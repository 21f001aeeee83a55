/** fpm-ts as a contestant: the pool of examples/pools.d/hello.toml with the size of the measurement. */
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { readPool } from '../lib/example.ts';
import { openInner, type Place } from '../lib/place.ts';

/** @param runDir where the socket is to be */
export function helloPool(program: string, workers: number, runDir: string): string {
  return readPool('hello', {
    '/usr/local/libexec/hello': program,
    '/run/fpm-ts': runDir,
    'max_children = 2': `max_children = ${workers}`,
  });
}

export async function startHello(
  outer: Place,
  program: string,
  workers: number,
): Promise<{ daemon: Daemon; socket: string }> {
  const place = openInner(outer, 'fpm-ts');
  const pools = { hello: helloPool(program, workers, join(place.dir, 'run')) };
  const daemon = await startDaemon(place, { pools, ownSession: true });
  return { daemon, socket: join(daemon.runDir, 'hello.sock') };
}
