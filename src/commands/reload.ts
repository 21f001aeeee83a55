/** `reload`: the configuration is read again, and workers are replaced. */
import { command, type Output, poolName, poolNames, type Z } from './command.ts';

const args = (z: Z) =>
  z.strictObject({
    pools: poolNames(z).optional(),
    changed: z.boolean().optional().meta({ description: 'Only pools whose settings changed.' }),
    dry_run: z.boolean().optional().meta({ description: 'Only return the plan.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    dry_run: z.boolean(),
    pools: z.array(
      z.strictObject({
        pool: poolName(z),
        action: z.enum(['add', 'remove', 'roll', 'live', 'keep', 'stopped', 'fail']).meta({
          description: 'fail: it cannot be done, and the pool keeps its settings and its workers.',
        }),
        changes: z.array(z.strictObject({ key: z.string(), applied: z.string() })),
        reason: z.string().optional().meta({ description: 'Why the action is fail.' }),
      }),
    ),
    needs_restart: z
      .array(z.string())
      .meta({ description: 'Settings that only a restart of fpm-ts applies.' }),
    notices: z.array(z.string()),
  });

export type ReloadArgs = Output<typeof args>;
export type ReloadResult = Output<typeof result>;
export type PlannedPool = ReloadResult['pools'][number];

export const reload = command({
  name: 'reload',
  method: 'POST',
  summary:
    'Read the configuration again and replace the workers, the new ones first. A failed reload leaves the old workers running.',
  http: 'Answers when the new workers serve.',
  isForPoolUsers: true,
  mayBeRepeated: () => false,
  keeperCan: () => false,
  args,
  result,
  run: (asked, service, asking) => service.reload(asked, asking),
  line: {
    arguments: [{ form: '[pools...]', arg: 'pools', help: 'only these pools' }],
    options: [
      { flags: '--changed', arg: 'changed', help: 'only pools whose settings changed' },
      { flags: '--dry-run', arg: 'dry_run', help: 'only print what would be done' },
    ],
    examples: ['fpm-ts reload', 'fpm-ts reload www', 'fpm-ts reload --changed', 'fpm-ts reload --dry-run'],
  },
});
