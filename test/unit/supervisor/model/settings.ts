/** The configurations of the model: three pools, and what an edit of their files may change. */
import type { ListenAddress } from '../../../../src/config/address.ts';
import type { PoolConfig } from '../../../../src/config/types.ts';
import type { Globals } from '../../../../src/supervisor/global-settings.ts';
import { CONTROL_TIMEOUT_MS, GRACEFUL } from './world.ts';

export const GLOBALS: Globals = {
  file: null,
  include: [],
  runDir: '/run/model',
  pidFile: '/run/model/pid',
  control: { socket: '/run/model/control.sock', group: '' },
  log: { level: 'info', file: 'stderr', format: 'json' },
  process: { max: 0, minFreeMemoryBytes: 0 },
};

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
  return {
    name,
    file: `/etc/model/${name}.toml`,
    command: ['/bin/true'],
    enabled: true,
    protocol: 'fastcgi',
    dispatch: 'shared',
    allowRoot: true,
    umask: 0o22,
    chdir: '/',
    clearEnv: true,
    env: { [GRACEFUL]: isGraceful ? 'yes' : 'no', RELEASE: String(release) },
    envFiles: [],
    secretEnv: [],
    passEnv: [],
    stopSignal: 'SIGTERM',
    stopIsGraceful: isGraceful,
    killMode: 'group',
    startTimeoutMs: 2000,
    processControlTimeoutMs: CONTROL_TIMEOUT_MS,
    requestTerminateTimeoutMs: 0,
    requestSlowlogTimeoutMs: 0,
    rlimits: {},
    index: 'index.php',
    params: {},
    listen: {
      address: addressOf(name, shape),
      text: JSON.stringify(addressOf(name, shape)),
      pass: 'stdin',
      backlog: 128,
      mode: 0o660,
      allowedClients: [],
      nonblock: false,
      swap: 'rename',
    },
    pm: {
      mode,
      maxChildren,
      ...(mode === 'dynamic' && { startServers: 1, minSpareServers: 1, maxSpareServers: 2 }),
      maxSpawnRate: 32,
      processIdleTimeoutMs: idleTimeoutMs,
      maxRequests: 0,
      maxMemoryBytes: 0,
      maxLifetimeMs: 0,
      maxLifetimeJitter: 0,
      workerConcurrency: 1,
    },
    process: { priority: 0, oomScoreAdj: 0, noNewPrivileges: false },
  };
}
