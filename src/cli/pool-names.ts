/** `fpm-ts pool-names`, for the completions of the shells: what may stand where a pool is named. Nobody types it. */
import type { Command } from 'commander';
import { callSupervisor, configFile, type GlobalOptions, globals, print, printJson } from './context.ts';

export function registerPoolNames(program: Command): void {
  program.command('pool-names', { hidden: true }).action(async (_options: object, command: Command) => {
    const common = globals(command);
    const names = [...new Set([...(await running(common)), ...(await inFiles(common))])].sort();
    if (common.json === true) printJson(names);
    else if (names.length > 0) print(names.join('\n'));
  });
}

async function running(common: GlobalOptions): Promise<string[]> {
  try {
    return (await callSupervisor(common, 'status', { processes: 'no' })).pools.map(({ name }) => name);
  } catch {
    return []; // none runs, or it does not talk to us
  }
}

/** By the names of the files alone, so that one that is being written does not stand in the way. */
async function inFiles(common: GlobalOptions): Promise<string[]> {
  try {
    const { poolNamesOf } = await import('../config/pool-names.ts');
    const file = await configFile(common);
    return file === null ? [] : poolNamesOf(file);
  } catch {
    return []; // no file, or none that can be read
  }
}
