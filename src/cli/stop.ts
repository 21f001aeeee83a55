/** `fpm-ts stop`. */
import type { Command } from 'commander';
import type { Instance, LeftBehind } from '../control/types.ts';
import { FpmError } from '../errors.ts';
import { oneLine } from '../printable.ts';
import { callSupervisor, globals, instance, print, printJson } from './context.ts';
import { example } from './example.ts';
import { write } from './output.ts';

interface StopOptions {
  readonly now?: boolean;
}

export function registerStop(program: Command): void {
  program
    .command('stop')
    .description('Stop gracefully: workers finish what they have in hand. Returns when all is gone.')
    .argument('[pools...]', 'only these pools; the supervisor continues')
    .option('--now', 'do not wait: kill the workers')
    .addHelpText('after', example('fpm-ts stop', 'fpm-ts stop www', 'fpm-ts stop --now'))
    .action(async (pools: string[], options: StopOptions, command: Command) => {
      const common = globals(command);
      const now = options.now === true;
      const where = await instance(common); // of a `spawn`, the configuration goes with the rest
      const result = await callSupervisor(common, 'stop', { ...(pools.length > 0 && { pools }), now });
      if (pools.length === 0) {
        const { untilEnded } = await import('../os/pidfd.ts');
        await untilEnded(result.pid);
        await refuseKilled(where);
      }
      if (common.json === true) return printJson(result);
      print(pools.length === 0 ? 'stopped' : `stopped ${result.stopped.join(', ')}`);
      for (const process of result.left ?? []) await tellOf(process);
    });
}

/** @throws {FpmError} when the keeper was killed before it had done what it was told */
async function refuseKilled({ runDir }: Instance): Promise<void> {
  const { leftBehind } = await import('../control/unreachable.ts');
  const left = await leftBehind(runDir);
  if (left !== '') throw new FpmError('FAILED', `not everything has stopped. ${left}`);
}

/** A program that went into the background is out of our reach, and still accepts. */
async function tellOf({ pool, pid, command }: LeftBehind): Promise<void> {
  const { readStat } = await import('../os/proc.ts');
  if (readStat(pid) === null) return;
  write(
    'stderr',
    `fpm-ts: pid ${pid} (${oneLine(command)}) continues: it is not a worker of pool ${pool}, but has its listener, as a program has that went into the background; \`kill ${pid}\` ends it\n`,
  );
}
