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
    notes: `A log that cannot be opened stays with the file that it has; where it has none,
its lines go to the main log. All others are opened. In a place where another
user than root may write that is a warning, and the status of its pools is
degraded; elsewhere the exit code is 1.`,
    examples: ['fpm-ts reopen-logs'],
  },
});
