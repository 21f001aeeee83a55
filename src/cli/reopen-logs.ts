/** `fpm-ts reopen-logs`. */
import type { Command } from 'commander';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

export function registerReopenLogs(program: Command): void {
  program
    .command('reopen-logs')
    .description('Open the log files anew after logrotate has moved them away.')
    .addHelpText('after', example('fpm-ts reopen-logs'))
    .action(async (_options: object, command: Command) => {
      const common = globals(command);
      const result = await callSupervisor(common, 'reopen-logs', {});
      if (common.json === true) printJson(result);
      else print('logs reopened');
    });
}
