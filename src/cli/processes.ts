/** The processes that fpm-ts starts of itself; nobody types these. */
import type { Command } from 'commander';
import { ANNOUNCE_DESCRIPTOR } from './background.ts';
import { configFile, globals } from './context.ts';

interface KeeperOptions {
  readonly resume?: string;
  readonly trial?: boolean;
}

export function registerProcesses(program: Command, entry: string): void {
  program.command('supervisor', { hidden: true }).action(async (_options, command: Command) => {
    const common = globals(command);
    await import('zod'); // all at once would take more descriptors than the least that we ask for (main.ts)
    const { runSupervisor } = await import('../supervisor/main.ts');
    await runSupervisor({ configFile: await configFile(common), json: common.json === true });
  });
  program
    .command('keeper', { hidden: true })
    .option('--resume <descriptor>', 'continue with what the program before this one has left there')
    .option('--trial', 'only find out whether this program could continue')
    .action(async (options: KeeperOptions, command: Command) => {
      const common = globals(command);
      const file = await configFile(common);
      if (options.trial === true) {
        try {
          const { rehearse } = await import('./rehearsal.ts');
          return await rehearse(file);
        } catch (error) {
          // Uncaught, because only then does Node say in which file a mistake is.
          setImmediate(() => {
            throw error;
          });
          return;
        }
      }
      const { runKeeper } = await import('./keeper-process.ts');
      if (file === null) return;
      const resumeDescriptor = options.resume === undefined ? null : Number(options.resume);
      runKeeper({
        entry,
        configFile: file,
        json: common.json === true,
        announceDescriptor: resumeDescriptor === null ? ANNOUNCE_DESCRIPTOR : null,
        resumeDescriptor,
      });
    });
}
