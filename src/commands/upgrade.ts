/** `upgrade`: the running fpm-ts becomes the version that is installed. */
import { command, type Output, type Z } from './command.ts';

const args = (z: Z) =>
  z.strictObject({
    dry_run: z.boolean().optional().meta({ description: 'Only test whether it would work.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    dry_run: z.boolean(),
    pid: z.int().meta({ description: "The keeper's, before and after." }),
    supervisor_pid: z.int().nullable().meta({
      description: 'Of the supervisor that answers, which ends; null: there is none.',
    }),
    from: z.string().meta({ description: 'The version that runs.' }),
    to: z.string().meta({ description: 'The version that is installed.' }),
    previous_at: z
      .string()
      .nullable()
      .meta({ description: '`at` of the last_upgrade before this one: a new one says how it went.' }),
  });

/** The installed version can go on; unless it was a dry run, it does so next. */
export type UpgradeAccepted = Output<typeof result>;

export const upgrade = command({
  name: 'upgrade',
  method: 'POST',
  summary:
    'Let the running fpm-ts become the version that is installed now: same pid, same workers, no request lost. A failed upgrade leaves the running version in place.',
  http: 'Answers when the installed version can take over, and is then replaced by it. The outcome is last_upgrade in the status.',
  isForPoolUsers: false,
  mayBeRepeated: () => false,
  keeperCan: () => true,
  args,
  result,
  run: ({ dry_run: isDryRun = false }, service) => service.upgrade(isDryRun),
  line: {
    arguments: [],
    options: [{ flags: '--dry-run', arg: 'dry_run', help: 'only test whether it would work' }],
    examples: ['fpm-ts upgrade', 'fpm-ts upgrade --dry-run'],
  },
});
