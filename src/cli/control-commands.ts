/** The commands of the control socket that the command line does more with than to print the answer. */
import type { Command } from 'commander';
import { COMMANDS, type CommandName } from '../commands/commands.ts';
import { callSupervisor, print } from './context.ts';
import { type Action, printing, registerControlCommand } from './control-command.ts';
import { explanationText } from './explain.ts';
import { write } from './output.ts';
import { withProgress } from './progress.ts';
import { reloadPools } from './reload.ts';
import { startWith } from './start.ts';
import { showStatus } from './status.ts';
import { stopPools } from './stop.ts';
import { takeoverText } from './takeover.ts';
import { upgrade } from './upgrade.ts';

type Actions = { readonly [N in CommandName]?: Action<N> };

/** @param entry the file that was started */
export function registerControlCommands(program: Command, entry: string): void {
  const actions: Actions = {
    start: startWith(entry),
    stop: stopPools,
    reload: reloadPools,
    upgrade,
    status: showStatus,
    takeover: printing(
      'takeover',
      result => print(takeoverText(result)),
      (common, args) => withProgress(common, callSupervisor(common, 'takeover', args)),
    ),
    explain: printing('explain', result => print(explanationText(result))),
    'reopen-logs': printing('reopen-logs', ({ warnings = [] }) => {
      for (const warning of warnings) write('stderr', `fpm-ts: warning: ${warning}\n`);
      print('logs reopened');
    }),
  };
  for (const { name } of COMMANDS)
    registerControlCommand(program, name, actions[name] as Action<CommandName> | undefined);
}
