/** The configurations of the model: three pools, and what an edit of their files may change. */
import type { ListenAddress } from '../../../../src/config/address.ts';
import type { PoolConfig } from '../../../../src/config/types.ts';
import type { Globals } from '../../../../src/supervisor/global-settings.ts';
import { globalConfig } from '../../../lib/global-config.ts';
import { poolConfig } from '../../../lib/pool-config.ts';
import { CONTROL_TIMEOUT_MS, GRACEFUL } from './world.ts';

export const GLOBALS: Globals = globalConfig(null, '/run/model');

export type Kind = 'tcp' | 'unix' | 'systemd' | 'none';

export interface PoolShape {
  readonly kind: Kind;
  readonly mode: 'static' | 'dynamic' | 'ondemand';
  readonly isGraceful: boolean;
  readonly maxChildren: number;
  /** Which of its two addresses it has. */
  readonly place: 0 | 1;
  /** Of the environment of its workers: another one takes new workers. */
  readonly release: number;
  /** Applied live. */
  readonly idleTimeoutMs: number;
}

export const NAMES: readonly string[] = ['a', 'b', 'c'];

export function addressOf(name: string, { kind, place }: Pick<PoolShape, 'kind' | 'place'>): ListenAddress {
  switch (kind) {
    case 'tcp': {
      const port = 9000 + 10 * NAMES.indexOf(name) + place;
      return { type: 'tcp', host: '127.0.0.1', port, family: 4, dualStack: false };
    }
    case 'unix':
      return { type: 'unix', path: `/run/model/${name}${place}.sock` };
    case 'systemd':
      return { type: 'systemd', name };
    case 'none':
      return { type: 'none' };
  }
}

export function configOf(name: string, shape: PoolShape): PoolConfig {
  const { isGraceful, maxChildren, release, idleTimeoutMs } = shape;
  const mode = shape.kind === 'none' ? 'static' : shape.mode; // of no load, no size follows
  const config = poolConfig(name, {
    command: ['/bin/true'],
    allow_root: true,
    env: { [GRACEFUL]: isGraceful ? 'yes' : 'no', RELEASE: String(release) },
    stop_is_graceful: isGraceful,
    start_timeout: 2,
    process_control_timeout: `${CONTROL_TIMEOUT_MS}ms`,
    pm: {
      mode,
      max_children: maxChildren,
      ...(mode === 'dynamic' && { start_servers: 1, min_spare_servers: 1, max_spare_servers: 2 }),
      max_spawn_rate: 32,
      process_idle_timeout: `${idleTimeoutMs}ms`,
      max_lifetime_jitter: '0%',
    },
  });
  const address = addressOf(name, shape);
  return { ...config, listen: { ...config.listen, address: { ...address, text: JSON.stringify(address) } } };
}
