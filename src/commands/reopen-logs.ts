/** `reopen-logs`: for logrotate. */
import { command, type Z } from './command.ts';

const args = (z: Z) => z.strictObject({});

const result = (z: Z) =>
  z.strictObject({
    reopened: z.literal(true),
    warnings: z.array(z.string()).optional().meta({
      description:
        'Logs that were not opened, in places where another user than root may write; the status names their pools.',
    }),
  });

export const reopenLogs = command({
  name: 'reopen-logs',
  method: 'POST',
  summary: 'Open the log files anew after logrotate has moved them away.',
  isForPoolUsers: false,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args,
  result,
  run: async (_args, service) => {
    const warnings = await service.reopenLogs();
    return { reopened: true as const, ...(warnings.length > 0 && { warnings }) };
  },
  line: {
    arguments: [],
    notes: `If a log cannot be opened, its lines continue to go to the old file, or to the
main log if there is none. All other logs are opened. If another user than root
may write in its directory, this is a warning, and its pools are degraded;
otherwise the exit code is 1.`,
    examples: ['fpm-ts reopen-logs'],
  },
});
