/** `fpm-ts takeover`. */
import { type Command, InvalidArgumentError } from 'commander';
import type { TakeoverResult } from '../control/types.ts';
import { oneLine } from '../printable.ts';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';
import { withProgress } from './progress.ts';

export function registerTakeover(program: Command): void {
  program
    .command('takeover')
    .description(
      'Let a pool of the configuration take its address from another program that listens there: workers come up beside it, then clients reach them, and the other program finishes what it has.',
    )
    .argument('<pool>')
    .requiredOption('--pid <pid>', 'the program that listens, or a parent of it', pidOf)
    .addHelpText('after', example('fpm-ts takeover --pid 1234 www'))
    .action(async (pool: string, { pid }: { readonly pid: number }, command: Command) => {
      const common = globals(command);
      const result = await withProgress(common, callSupervisor(common, 'takeover', { pool, pid }));
      if (common.json === true) printJson(result);
      else print(describe(result));
    });
}

function pidOf(text: string): number {
  const pid = Number(text);
  if (!/^\d{1,10}$/.test(text) || pid < 1 || pid >= 2 ** 31)
    throw new InvalidArgumentError('It must be the number of a process.');
  return pid;
}

function describe(result: TakeoverResult): string {
  const { pool, address, program, workers, left, notices, advice } = result;
  return [
    ...notices,
    `pool ${pool} serves ${address} with ${workers} ${workers === 1 ? 'worker' : 'workers'}; ${program} gets nothing new`,
    ...left.map(it => `  pid ${it.pid} (${oneLine(it.command)}) ${inHand(it.connections)}`),
    ...(left.length === 0 ? ['nothing is left of the old program'] : advice),
  ].join('\n');
}

function inHand(connections: number | null): string {
  if (connections === null) return 'has the old socket; what it has in hand is not seen';
  if (connections === 0) return 'has nothing in hand';
  return `has ${connections === 1 ? 'a connection' : `${connections} connections`} in hand, which it finishes`;
}
