/** The processes that fpm-ts starts of itself; nobody types these. */
import type { Command } from 'commander';
import { ANNOUNCE_DESCRIPTOR } from './background.ts';
import { configFile, globals } from './context.ts';

export function registerProcesses(program: Command, entry: string): void {
  program.command('supervisor', { hidden: true }).action(async (_options, command: Command) => {
    const common = globals(command);
    const { runSupervisor } = await import('../supervisor/main.ts');
    await runSupervisor({ configFile: await configFile(common), json: common.json === true });
  });
  program.command('keeper', { hidden: true }).action(async (_options, command: Command) => {
    const common = globals(command);
    const { runKeeper } = await import('./keeper-process.ts');
    const file = await configFile(common);
    if (file === null) return;
    runKeeper({
      entry,
      configFile: file,
      json: common.json === true,
      announceDescriptor: ANNOUNCE_DESCRIPTOR,
    });
  });
}
