/** `fpm-ts status`: as a table, again and again, or as a check. */
import { EXIT } from '../errors.ts';
import type { Status } from '../observe/status.ts';
import { callSupervisor, print, printJson } from './context.ts';
import type { Action } from './control-command.ts';
import { clear } from './output.ts';

const WATCH_INTERVAL_MS = 1000;

export const showStatus: Action<'status'> = async (args, common, { watch, check }) => {
  const { statusTable } = await import('./status-table.ts');
  const isAll = args.pool === undefined;
  do {
    const status = await callSupervisor(common, 'status', {
      ...args,
      ...(isAll && common.json !== true && { processes: 'no' as const }),
    });
    if (common.json === true) printJson(status);
    else {
      if (watch === true) clear('stdout', 'screen');
      print(statusTable(status, !isAll));
    }
    if (check === true && !isHealthy(status)) process.exitCode = EXIT.failed;
    if (watch === true) await new Promise(resolve => setTimeout(resolve, WATCH_INTERVAL_MS));
  } while (watch === true);
};

function isHealthy(status: Status): boolean {
  if (status.state === 'degraded') return false;
  return status.pools.every(({ state }) => state === 'running' || state === 'starting');
}
