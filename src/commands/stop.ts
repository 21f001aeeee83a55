/** `stop`: some pools, or everything. */
import { command, type Output, poolName, poolNames, type Z } from './command.ts';

const args = (z: Z) =>
  z.strictObject({
    pools: poolNames(z).optional(),
    now: z.boolean().optional().meta({ description: 'Do not wait for requests in flight.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    pid: z.int(),
    stopped: poolNames(z),
    left: z
      .array(z.strictObject({ pool: poolName(z), pid: z.int(), command: z.string() }))
      .optional()
      .meta({
        description: "Processes that hold a pool's listener but are not workers. They are not stopped.",
      }),
  });

export type StopResult = Output<typeof result>;
/** A process that holds a pool's listener and is no worker of ours. */
export type LeftBehind = NonNullable<StopResult['left']>[number];

export const stop = command({
  name: 'stop',
  method: 'POST',
  summary: 'Stop gracefully: workers finish their requests. Returns when all processes have exited.',
  http: 'Answers when the named pools have stopped. Without names it stops everything, and answers at once.',
  isForPoolUsers: false,
  // A supervisor that was told to stop everything may have done so, and then nobody answers.
  mayBeRepeated: ({ pools }) => pools !== undefined,
  keeperCan: ({ pools }) => pools === undefined,
  args,
  result,
  run: async ({ pools, now = false }, service) => {
    if (pools === undefined) return service.stopAll(now);
    const named = pools.map(name => service.pool(name));
    const left = service.leftBehind(named);
    await Promise.all(named.map(pool => pool.stop(now)));
    return { pid: service.keeperPid, stopped: pools, ...(left.length > 0 && { left }) };
  },
  line: {
    arguments: [{ form: '[pools...]', arg: 'pools', help: 'only these pools; the supervisor continues' }],
    options: [{ flags: '--now', arg: 'now', help: 'do not wait: kill the workers' }],
    examples: ['fpm-ts stop', 'fpm-ts stop www', 'fpm-ts stop --now'],
  },
});
