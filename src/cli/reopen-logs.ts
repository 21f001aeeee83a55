/** `fpm-ts reopen-logs`. */
import type { Command } from 'commander';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';
import { write } from './output.ts';

export function registerReopenLogs(program: Command): void {
  program
    .command('reopen-logs')
    .description('Open the log files anew after logrotate has moved them away.')
    .addHelpText(
      'after',
      `
A log that cannot be opened stays with the file that it has; where it has none,
its lines go to the main log. All others are opened. In a place where another
user than root may write that is a warning, and the status of its pools is
degraded; elsewhere the exit code is 1.
`,
    )
    .addHelpText('after', example('fpm-ts reopen-logs'))
    .action(async (_options: object, command: Command) => {
      const common = globals(command);
      const result = await callSupervisor(common, 'reopen-logs', {});
      if (common.json === true) printJson(result);
      else {
        for (const warning of result.warnings ?? []) write('stderr', `fpm-ts: warning: ${warning}\n`);
        print('logs reopened');
      }
    });
}
