/** `status`: what the supervisor and its pools are doing. */
import type * as zod from 'zod';
import type { Status } from '../observe/status.ts';
import { command, poolName, poolNames, type Z } from './command.ts';

const args = (z: Z) =>
  z.strictObject({
    pool: z
      .union([poolName(z), poolNames(z)])
      .optional()
      .meta({
        description: 'Only this pool. In a query it may stand several times, for several pools.',
      }),
    processes: z.enum(['yes', 'no']).optional().meta({
      description: '"no" leaves the lists of processes empty, which is quicker with many workers.',
    }),
  });

export const status = command({
  name: 'status',
  method: 'GET',
  summary: 'Show what the supervisor and its pools are doing.',
  isForPoolUsers: true,
  mayBeRepeated: () => true,
  keeperCan: () => true,
  args,
  result: statusSchema,
  run: ({ pool, processes }, service, asking) => {
    const pools = pool === undefined ? undefined : [...new Set([pool].flat())];
    return service.status({ pools, withProcesses: processes !== 'no' }, asking);
  },
  line: {
    arguments: [{ form: '[pools...]', arg: 'pool', help: 'only these pools, with their workers' }],
    options: [
      { flags: '--watch', help: 'again every second, until interrupted' },
      { flags: '--check', help: 'exit with 1 when a pool is degraded, failed or stopped' },
    ],
    examples: ['fpm-ts status', 'fpm-ts status www api', 'fpm-ts status www --json', 'fpm-ts status --check'],
  },
});

/** The compiler holds it to the type that the supervisor and the keeper make. */
function statusSchema(z: Z): zod.ZodType<Status> {
  const nullableNumber = z.number().nullable();
  /** null while no supervisor stays alive, and the keeper answers. */
  const nullableInt = z.int().nullable();
  const counters = z.strictObject({
    spawned: nullableInt,
    exited: nullableInt,
    crashed: nullableInt,
    max_children_reached: nullableInt,
    slow_requests: nullableInt,
    reloads: nullableInt,
    accepted_connections: z.null().meta({ description: 'Shared pools do not count requests.' }),
  });

  const workerProcess = z.strictObject({
    pid: z.int(),
    state: z.enum(['starting', 'idle', 'active', 'stopping']).nullable(),
    adopted: z.boolean(),
    uptime_seconds: z.number(),
    rss_bytes: nullableNumber,
    cpu_seconds: nullableNumber,
    generation: nullableInt,
    connection_seconds: nullableNumber,
  });

  const poolStatus = z.strictObject({
    name: z.string(),
    state: z.enum(['starting', 'running', 'degraded', 'stopping', 'stopped', 'failed']),
    reason: z.string(),
    paused: z
      .boolean()
      .meta({ description: 'Its number of workers does not follow its load until it is resumed.' }),
    protocol: z.string(),
    dispatch: z.string(),
    pm: z.strictObject({ mode: z.string(), max_children: z.int() }),
    listen: z.strictObject({ address: z.string() }),
    queue: z.strictObject({ length: nullableNumber, max: nullableNumber, limit: nullableNumber }),
    workers: z.strictObject({
      total: z.int(),
      idle: nullableNumber,
      active: nullableNumber,
      starting: nullableInt,
      stopping: nullableInt,
      max_active: nullableNumber,
    }),
    counters,
    reload: z
      .strictObject({ generation: z.int(), ready: z.int(), size: z.int() })
      .nullable()
      .meta({ description: 'The generation that a reload is bringing up.' }),
    processes: z.array(workerProcess),
  });

  return z.strictObject({
    schema: z.literal(1),
    version: z.string(),
    pid: z.int().meta({ description: "The keeper's, which is in the pid file." }),
    supervisor_pid: nullableInt.meta({
      description:
        'null: no supervisor is running, and the keeper answers. It knows the workers, but not what they do.',
    }),
    state: z
      .enum(['starting', 'running', 'reloading', 'stopping', 'degraded'])
      .meta({ description: 'degraded: no supervisor is running.' }),
    reason: z.string().meta({ description: 'Why it is degraded; else empty.' }),
    started_at: z.string().meta({ description: 'ISO 8601.' }),
    uptime_seconds: z.number(),
    last_reload: z
      .strictObject({ at: z.string(), ok: z.boolean(), code: z.int(), message: z.string() })
      .nullable(),
    last_upgrade: z
      .strictObject({
        at: z.string(),
        ok: z.boolean(),
        from: z.string().meta({ description: 'A version.' }),
        to: z.string().nullable().meta({ description: 'A version, where one was installed.' }),
        message: z.string(),
      })
      .nullable(),
    config_changed_on_disk: z
      .boolean()
      .nullable()
      .meta({ description: 'For the user of a pool: the files of its pools.' }),
    needs_restart: z
      .array(z.strictObject({ key: z.string(), running: z.unknown(), wanted: z.unknown() }))
      .nullable()
      .meta({
        description: 'Settings whose value in the files only a restart applies; null for the user of a pool.',
      }),
    running_settings: z.record(z.string(), z.unknown()).nullable().meta({
      description:
        'The settings of fpm-ts.toml that are in effect, by dotted key; null for the user of a pool.',
    }),
    pools: z.array(poolStatus),
  });
}
