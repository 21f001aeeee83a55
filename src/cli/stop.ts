/** `fpm-ts stop`. */
import type { Command } from 'commander';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

interface StopOptions {
  readonly now?: boolean;
}

export function registerStop(program: Command): void {
  program
    .command('stop')
    .description('Stop gracefully: workers finish what they have in hand. Returns when all is gone.')
    .argument('[pools...]', 'only these pools; the supervisor goes on')
    .option('--now', 'do not wait: kill the workers')
    .addHelpText('after', example('fpm-ts stop', 'fpm-ts stop www', 'fpm-ts stop --now'))
    .action(async (pools: string[], options: StopOptions, command: Command) => {
      const common = globals(command);
      const now = options.now === true;
      const result = await callSupervisor(common, 'stop', { ...(pools.length > 0 && { pools }), now });
      if (pools.length === 0) {
        const { untilEnded } = await import('../os/pidfd.ts');
        await untilEnded(result.pid);
      }
      if (common.json === true) printJson(result);
      else print(pools.length === 0 ? 'stopped' : `stopped ${result.stopped.join(', ')}`);
    });
}
