/** `fpm-ts reload`: the progress, and what became of each pool. */
import type { ReloadResult } from '../commands/reload.ts';
import { EXIT } from '../errors.ts';
import { callSupervisor, print, printJson } from './context.ts';
import type { Action } from './control-command.ts';
import { withProgress } from './progress.ts';

const ACTIONS = {
  add: 'is added',
  remove: 'is stopped and removed',
  roll: 'gets new workers',
  live: 'takes its new settings as it runs',
  keep: 'stays as it is',
  stopped: 'is stopped: it takes its settings when it is started',
  fail: 'cannot be reloaded: it keeps its workers and its settings',
} as const;

export const reloadPools: Action<'reload'> = async (args, common) => {
  const result = await withProgress(common, callSupervisor(common, 'reload', args));
  if (result.pools.some(({ action }) => action === 'fail')) process.exitCode = EXIT.failed;
  if (common.json === true) printJson(result);
  else print(describe(result));
};

function describe(result: ReloadResult): string {
  const lines = result.pools.flatMap(({ pool, action, changes, reason }) => [
    `pool ${pool} ${ACTIONS[action]}`,
    ...(reason === undefined ? [] : [`  ${reason}`]),
    ...changes.map(({ key, applied }) => `  ${key} changed (${applied})`),
  ]);
  for (const key of result.needs_restart) lines.push(`${key} changed: only a restart of fpm-ts applies it`);
  if (lines.length === 0) lines.push('there are no pools');
  return [...lines, ...result.notices, result.dry_run ? 'nothing was done (--dry-run)' : 'reloaded'].join(
    '\n',
  );
}
