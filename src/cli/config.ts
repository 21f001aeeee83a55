/** `fpm-ts config`: the effective configuration. */
import type { Command } from 'commander';
import { FpmError } from '../errors.ts';
import { type GlobalOptions, globals, instance, loadFiles, print, printJson } from './context.ts';
import { example } from './example.ts';
import { write } from './output.ts';

interface ConfigOptions {
  readonly origin?: boolean;
}

export function registerConfig(program: Command): void {
  program
    .command('config')
    .description(
      'Print the effective configuration, defaults included; comments say where a running supervisor differs.',
    )
    .argument('[pool]', 'only this pool')
    .option('--origin', 'say where each value comes from')
    .addHelpText('after', example('fpm-ts config', 'fpm-ts config www --origin'))
    .action(async (pool: string | undefined, options: ConfigOptions, command: Command) => {
      const common = globals(command);
      const { config, problems, obstacles, sources } = await loadFiles(common);
      const [
        { formatProblem, hasErrors, toFpmError },
        { configToJson, differing, poolToJson, printConfig, printPool },
      ] = await Promise.all([import('../config/problems.ts'), import('../config/print.ts')]);
      if (config === null || hasErrors(problems)) throw toFpmError(problems);
      if (pool !== undefined && !config.pools.some(it => it.name === pool)) {
        throw new FpmError(
          'NO_SUCH_POOL',
          `there is no pool ${pool}; there are: ${config.pools.map(it => it.name).join(', ') || 'none'}`,
        );
      }
      // The variables that such files would set are missing from what is printed.
      for (const it of [...obstacles.values()].flat()) write('stderr', `${formatProblem(it)}\n`);
      const selected = config.pools.find(it => it.name === pool);
      const origins = options.origin === true ? { origins: sources } : {};
      if (selected !== undefined) {
        if (common.json === true) printJson(poolToJson(selected, origins));
        else print(printPool(selected, origins));
        return;
      }
      const running = differing(config, await runningSettings(common));
      if (common.json === true) printJson(configToJson(config, { ...origins, running }));
      else print(printConfig(config, { ...origins, running }));
    });
}

/** What a supervisor runs with; nothing where none answers. */
async function runningSettings(common: GlobalOptions): Promise<Readonly<Record<string, unknown>>> {
  const { glance } = await import('../control/client.ts');
  const status = await glance(await instance(common));
  return status?.running_settings ?? {};
}
