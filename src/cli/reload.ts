/** `fpm-ts reload`. */
import type { Command } from 'commander';
import type { ReloadResult } from '../control/types.ts';
import { EXIT } from '../errors.ts';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';
import { withProgress } from './progress.ts';

interface ReloadOptions {
  readonly changed?: boolean;
  readonly dryRun?: boolean;
}

const ACTIONS = {
  add: 'is added',
  remove: 'is stopped and removed',
  roll: 'gets new workers',
  live: 'takes its new settings as it runs',
  keep: 'stays as it is',
  stopped: 'is stopped: it takes its settings when it is started',
  fail: 'cannot be reloaded: it keeps its workers and its settings',
} as const;

export function registerReload(program: Command): void {
  program
    .command('reload')
    .description(
      'Read the configuration again and replace the workers, the new ones first. What does not work changes nothing.',
    )
    .argument('[pools...]', 'only these pools')
    .option('--changed', 'only pools whose settings changed')
    .option('--dry-run', 'only print what would be done')
    .addHelpText(
      'after',
      example('fpm-ts reload', 'fpm-ts reload www', 'fpm-ts reload --changed', 'fpm-ts reload --dry-run'),
    )
    .action(async (pools: string[], options: ReloadOptions, command: Command) => {
      const common = globals(command);
      const reload = callSupervisor(common, 'reload', {
        ...(pools.length > 0 && { pools }),
        changed: options.changed === true,
        dry_run: options.dryRun === true,
      });
      const result = await withProgress(common, reload);
      if (result.pools.some(({ action }) => action === 'fail')) process.exitCode = EXIT.failed;
      if (common.json === true) printJson(result);
      else print(describe(result));
    });
}

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
