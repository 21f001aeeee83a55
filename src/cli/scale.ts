/** `fpm-ts scale`. */
import { type Command, InvalidArgumentError } from 'commander';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

export function registerScale(program: Command): void {
  program
    .command('scale')
    .description('Give a pool another number of workers, until the next reload.')
    .argument('<pool>')
    .argument('<workers>', 'how many', workerCount)
    .option('--force', 'also above pm.max_children')
    .addHelpText('after', example('fpm-ts scale www 8', 'fpm-ts scale --force www 100'))
    .action(async (pool: string, workers: number, options: { force?: boolean }, command: Command) => {
      const common = globals(command);
      const result = await callSupervisor(common, 'scale', { pool, workers, force: options.force === true });
      if (common.json === true) printJson(result);
      else {
        const notice = result.notice === undefined ? '' : `\n${result.notice}`;
        print(`pool ${result.pool} is scaled to ${result.workers} until the next reload${notice}`);
      }
    });
}

function workerCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
