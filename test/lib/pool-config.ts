/** The effective configuration of a pool that sets only what it must, for tests that need no files. */
import { resolvePool } from '../../src/config/resolve.ts';
import { poolSchema } from '../../src/config/schema.ts';
import type { PoolConfig } from '../../src/config/types.ts';

/** @param keys as in a pool file, beside a command, a socket and one worker */
export function poolConfig(name: string, keys: Readonly<Record<string, unknown>> = {}): PoolConfig {
  const all = {
    command: ['/bin/cat', '-'],
    listen: { address: `/run/fpm-ts/${name}.sock` },
    pm: { mode: 'static', max_children: 1 },
    ...keys,
  };
  return resolvePool(name, `/etc/fpm-ts/pools.d/${name}.toml`, poolSchema.parse(all), {});
}
