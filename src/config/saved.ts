/**
 * The effective configuration as a supervisor leaves it for the next one, checked when it is read back: a document that
 * another version or a hand has changed must not be believed.
 */
import * as z from 'zod';
import type { GlobalConfig, PoolConfig } from './types.ts';

const count = z.int().min(0);
const milliseconds = z.number().min(0);
const text = z.exactOptional(z.string());
const names = z.record(z.string(), z.string());
const limit = z.exactOptional(z.union([z.number(), z.literal('unlimited')]));

const address = z.discriminatedUnion('type', [
  z.object({ type: z.literal('unix'), path: z.string() }),
  z.object({
    type: z.literal('tcp'),
    host: z.string(),
    port: z.int(),
    family: z.literal([4, 6]),
    dualStack: z.boolean(),
  }),
  z.object({ type: z.literal('systemd'), name: z.string() }),
  z.object({ type: z.literal('none') }),
]);

const listen = z.object({
  address,
  text: z.string(),
  pass: z.enum(['stdin', 'systemd']),
  backlog: count,
  owner: text,
  group: text,
  mode: count,
  allowedClients: z.array(z.string()),
  nonblock: z.boolean(),
  swap: z.enum(['rename', 'keep']),
});

const pm = z.object({
  mode: z.enum(['static', 'dynamic', 'ondemand']),
  maxChildren: count,
  startServers: z.exactOptional(count),
  minSpareServers: z.exactOptional(count),
  maxSpareServers: z.exactOptional(count),
  maxSpawnRate: count,
  processIdleTimeoutMs: milliseconds,
  maxRequests: count,
  maxMemoryBytes: count,
  maxLifetimeMs: milliseconds,
  maxLifetimeJitter: z.number(),
  workerConcurrency: count,
});

/** One pool. Signals and protocols were checked when the files were read. */
export const SAVED_POOL: z.ZodType<PoolConfig> = z.object({
  name: z.string(),
  file: z.string(),
  command: z.array(z.string()).min(1),
  enabled: z.boolean(),
  protocol: z.custom<PoolConfig['protocol']>(isText),
  dispatch: z.custom<PoolConfig['dispatch']>(isText),
  user: text,
  group: text,
  allowRoot: z.boolean(),
  umask: count,
  chdir: z.string(),
  chroot: text,
  clearEnv: z.boolean(),
  env: names,
  envFiles: z.array(z.string()),
  secretEnv: z.array(z.string()),
  passEnv: z.array(z.string()),
  stopSignal: z.custom<PoolConfig['stopSignal']>(isText),
  stopIsGraceful: z.boolean(),
  killMode: z.custom<PoolConfig['killMode']>(isText),
  startTimeoutMs: milliseconds,
  processControlTimeoutMs: milliseconds,
  requestTerminateTimeoutMs: milliseconds,
  requestSlowlogTimeoutMs: milliseconds,
  rlimits: z.object({ files: limit, core: limit, nproc: limit, as: limit, memlock: limit }),
  documentRoot: text,
  index: z.string(),
  params: names,
  logFile: text,
  listen,
  pm,
  process: z.object({ priority: z.int(), oomScoreAdj: z.int(), noNewPrivileges: z.boolean() }),
});

/** The settings of fpm-ts.toml; each pool is saved by itself. */
export const SAVED_GLOBALS: z.ZodType<Omit<GlobalConfig, 'pools'>> = z.object({
  file: z.string().nullable(),
  include: z.array(z.string()),
  runDir: z.string(),
  pidFile: z.string(),
  control: z.object({ socket: z.string(), group: z.string() }),
  log: z.object({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error']),
    file: z.string(),
    format: z.enum(['auto', 'json', 'pretty']),
  }),
  process: z.object({ max: count, minFreeMemoryBytes: count }),
});

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
