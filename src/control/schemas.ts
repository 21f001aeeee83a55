/** Arguments and results of the control commands as schemas: the server validates with them, openapi.json shows them. */
import * as z from 'zod';
import type { CommandName } from './commands.ts';
import type { Calls } from './types.ts';

const pool = z.string().min(1).meta({ description: 'Name of a pool.' });
const pools = z.array(pool).meta({ description: 'Names of pools.' });
/** In a query string there are only texts. */
const count = z.int().min(0).max(100_000);
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

const status = z.strictObject({
  schema: z.literal(1),
  version: z.string(),
  pid: z.int().meta({ description: "The keeper's, which is in the pid file." }),
  supervisor_pid: nullableInt.meta({
    description:
      'null: no supervisor stays alive, and the keeper answers. It knows the workers, and nothing of what they do.',
  }),
  state: z
    .enum(['starting', 'running', 'reloading', 'stopping', 'degraded'])
    .meta({ description: 'degraded: there is no supervisor.' }),
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

const explanation = z.strictObject({
  pool,
  decisions: z
    .array(
      z.strictObject({
        at: z.string().meta({ description: 'ISO 8601.' }),
        last_at: z.string().meta({ description: 'Of the last time in a row.' }),
        times: z.int(),
        what: z.string(),
        reasons: z.array(
          z.strictObject({
            code: z.string(),
            text: z.string(),
            numbers: z.record(z.string(), z.union([z.number(), z.string()])),
          }),
        ),
      }),
    )
    .meta({ description: 'The oldest first.' }),
});

const plannedPool = z.strictObject({
  pool,
  action: z.enum(['add', 'remove', 'roll', 'live', 'keep', 'stopped', 'fail']),
  changes: z.array(z.strictObject({ key: z.string(), applied: z.string() })),
  reason: z.string().optional().meta({ description: 'Why the action is fail.' }),
});

type Schemas = {
  readonly [N in CommandName]: {
    readonly args: z.ZodType<Calls[N]['args']>;
    readonly result: z.ZodType<Calls[N]['result']>;
  };
};

export const SCHEMAS: Schemas = {
  status: {
    args: z.strictObject({
      pool: pool.optional(),
      processes: z.enum(['yes', 'no']).optional().meta({
        description: '"no" leaves the lists of processes empty, which is quicker with many workers.',
      }),
    }),
    result: status,
  },
  explain: { args: z.strictObject({ pool }), result: explanation },
  reload: {
    args: z.strictObject({
      pools: pools.optional(),
      changed: z.boolean().optional().meta({ description: 'Only pools whose settings changed.' }),
      dry_run: z.boolean().optional().meta({ description: 'Only say what would be done.' }),
    }),
    result: z.strictObject({
      dry_run: z.boolean(),
      pools: z.array(plannedPool),
      needs_restart: z.array(z.string()),
      notices: z.array(z.string()),
    }),
  },
  stop: {
    args: z.strictObject({
      pools: pools.optional(),
      now: z.boolean().optional().meta({ description: 'Do not wait for requests in hand.' }),
    }),
    result: z.strictObject({
      pid: z.int(),
      stopped: pools,
      left: z
        .array(z.strictObject({ pool, pid: z.int(), command: z.string() }))
        .optional()
        .meta({
          description: "Processes that are no workers and hold a pool's listener: they are not stopped.",
        }),
    }),
  },
  start: { args: z.strictObject({ pools: pools.min(1) }), result: z.strictObject({ started: pools }) },
  scale: {
    args: z.strictObject({
      pool,
      workers: count,
      force: z.boolean().optional().meta({ description: 'Also above pm.max_children.' }),
    }),
    result: z.strictObject({
      pool,
      workers: count,
      notice: z.string().optional().meta({
        description:
          'Above pm.max_children: the memory that so many workers take, by what the present ones use.',
      }),
    }),
  },
  takeover: {
    args: z.strictObject({
      pool,
      pid: z
        .int()
        .min(1)
        .max(2 ** 31 - 1)
        .meta({ description: 'Of the program that listens there.' }),
    }),
    result: z.strictObject({
      pool,
      address: z.string(),
      program: z.string().meta({ description: 'Who listened there before.' }),
      workers: z.int(),
      drained: z.boolean().meta({ description: 'That program has no request in hand any more.' }),
      left: z
        .array(z.strictObject({ pid: z.int(), command: z.string(), connections: nullableNumber }))
        .meta({ description: 'Who still has the old socket, at which nothing new arrives.' }),
      advice: z.array(z.string()).meta({ description: 'How they are stopped for good.' }),
      notices: z.array(z.string()),
    }),
  },
  'reopen-logs': {
    args: z.strictObject({}),
    result: z.strictObject({
      reopened: z.literal(true),
      warnings: z.array(z.string()).optional().meta({
        description:
          'Logs that were not opened, in places where another user than root may write; the status names their pools.',
      }),
    }),
  },
  upgrade: {
    args: z.strictObject({
      dry_run: z.boolean().optional().meta({ description: 'Only find out whether it would work.' }),
    }),
    result: z.strictObject({
      dry_run: z.boolean(),
      pid: z.int().meta({ description: "The keeper's, before and after." }),
      supervisor_pid: nullableInt.meta({
        description: 'Of the supervisor that answers, which ends; null: there is none.',
      }),
      from: z.string().meta({ description: 'The version that runs.' }),
      to: z.string().meta({ description: 'The version that is installed.' }),
      previous_at: z
        .string()
        .nullable()
        .meta({ description: '`at` of the last_upgrade before this one: a new one says how it went.' }),
    }),
  },
};

/** Of every failure. */
export const ERROR_SCHEMA: z.ZodType = z.strictObject({
  error: z.strictObject({
    code: z.string().meta({ description: 'See docs/errors.md.' }),
    message: z.string(),
    file: z.string().nullable(),
    line: z.int().nullable(),
    column: z.int().nullable(),
    key: z.string().nullable(),
  }),
});
