/** `fpm-ts upgrade`: waits until the new version answers. */
import { setTimeout as delay } from 'node:timers/promises';
import type { UpgradeAccepted } from '../commands/upgrade.ts';
import { FpmError } from '../errors.ts';
import type { Status } from '../observe/status.ts';
import { callSupervisor, type GlobalOptions, print, printJson } from './context.ts';
import type { Action } from './control-command.ts';

/** For the supervisor of the new version to answer; on a busy machine it takes seconds. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 50;

export const upgrade: Action<'upgrade'> = async (args, common) => {
  const accepted = await callSupervisor(common, 'upgrade', args);
  const { dry_run: isDryRun, pid, from, to } = accepted;
  if (isDryRun) {
    if (common.json === true) printJson(accepted);
    else print(`fpm-ts ${from} (pid ${pid}) can be upgraded to ${to}; nothing was done (--dry-run)`);
    return;
  }
  const { supervisor_pid } = await untilUpgraded(common, accepted);
  if (common.json === true) printJson({ ...accepted, supervisor_pid });
  else print(`upgraded from ${from} to ${to}, pid ${pid} as before`);
};

/** @throws {FpmError} UPGRADE_FAILED when it did not come to it after all; FAILED when nobody answers any more */
async function untilUpgraded(options: GlobalOptions, accepted: UpgradeAccepted): Promise<Status> {
  const { readStat } = await import('../os/proc.ts');
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const status = await callSupervisor(options, 'status', { processes: 'no' }).catch((error: unknown) => {
      if ((readStat(accepted.pid)?.state ?? 'Z') === 'Z') throw keeperGone(accepted);
      if (performance.now() > endMs) throw error;
      return null;
    });
    if (status !== null && isOver(status, accepted)) return status;
    if (performance.now() > endMs) throw noSupervisor(accepted);
    await delay(LOOK_EVERY_MS);
  }
}

/** @throws {FpmError} UPGRADE_FAILED when the old one goes on */
function isOver(
  status: Status,
  { from, supervisor_pid: before, previous_at: previousAt }: UpgradeAccepted,
): boolean {
  const { last_upgrade: last, supervisor_pid: now } = status;
  const isNew = last !== null && last.at !== previousAt;
  const isAnother = now !== null && now !== before;
  if (isNew && last.ok) return isAnother; // else the keeper answers itself: no supervisor has come up so far
  if (!isNew && !isAnother) return false;
  const why = isNew ? last.message : 'the supervisor died just before: try again';
  throw new FpmError('UPGRADE_FAILED', `${why}\nfpm-ts ${from} continues as before`);
}

function noSupervisor({ pid, to }: UpgradeAccepted): FpmError {
  return new FpmError(
    'UPGRADE_FAILED',
    `pid ${pid} is ${to} by now, but no supervisor of it has come up within ${PATIENCE_MS / 1000} seconds: \`fpm-ts status\` and the log say why; the workers continue`,
  );
}

function keeperGone({ pid, to }: UpgradeAccepted): FpmError {
  return new FpmError(
    'FAILED',
    `pid ${pid} has ended while it became ${to} (a signal that comes in that moment does it). The workers continue: \`fpm-ts start\` takes them over`,
  );
}
