/** `fpm-ts stop`: waits until all is gone, and tells of what is not. */
import type { LeftBehind } from '../commands/stop.ts';
import type { Instance } from '../control/instance.ts';
import { FpmError } from '../errors.ts';
import { oneLine } from '../printable.ts';
import { callSupervisor, instance, print, printJson } from './context.ts';
import type { Action } from './control-command.ts';
import { write } from './output.ts';

export const stopPools: Action<'stop'> = async (args, common) => {
  const isAll = args.pools === undefined;
  const where = await instance(common); // of a `spawn`, the configuration goes with the rest
  const result = await callSupervisor(common, 'stop', args);
  if (isAll) {
    const { untilEnded } = await import('../os/pidfd.ts');
    await untilEnded(result.pid);
    await refuseKilled(where);
  }
  if (common.json === true) return printJson(result);
  print(isAll ? 'stopped' : `stopped ${result.stopped.join(', ')}`);
  for (const process of result.left ?? []) await tellOf(process);
};

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
