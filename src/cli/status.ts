/** `fpm-ts status`. */
import type { Command } from 'commander';
import { EXIT } from '../errors.ts';
import type { Status } from '../observe/status.ts';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';
import { clear } from './output.ts';

interface StatusOptions {
  readonly watch?: boolean;
  readonly check?: boolean;
}

const WATCH_INTERVAL_MS = 1000;

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('Show what the supervisor and its pools are doing.')
    .argument('[pool]', 'only this pool, with its workers')
    .option('--watch', 'again every second, until interrupted')
    .option('--check', 'exit with 1 when a pool is degraded, failed or stopped')
    .addHelpText('after', example('fpm-ts status', 'fpm-ts status www --json', 'fpm-ts status --check'))
    .action(async (pool: string | undefined, options: StatusOptions, command: Command) => {
      const common = globals(command);
      const { statusTable } = await import('./status-table.ts');
      do {
        const status = await callSupervisor(common, 'status', {
          ...(pool !== undefined && { pool }),
          ...(pool === undefined && common.json !== true && { processes: 'no' as const }),
        });
        if (common.json === true) printJson(status);
        else {
          if (options.watch === true) clear('stdout', 'screen');
          print(statusTable(status, pool !== undefined));
        }
        if (options.check === true && !isHealthy(status)) process.exitCode = EXIT.failed;
        if (options.watch === true) await new Promise(resolve => setTimeout(resolve, WATCH_INTERVAL_MS));
      } while (options.watch === true);
    });
}

function isHealthy(status: Status): boolean {
  if (status.state === 'degraded') return false;
  return status.pools.every(({ state }) => state === 'running' || state === 'starting');
}
