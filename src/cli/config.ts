/** `fpm-ts config`: the effective configuration. */
import type { Command } from 'commander';
import { FpmError } from '../errors.ts';
import { globals, loadFiles, print, printJson } from './context.ts';
import { example } from './example.ts';

interface ConfigOptions {
  readonly origin?: boolean;
}

export function registerConfig(program: Command): void {
  program
    .command('config')
    .description('Print the effective configuration, defaults included, as TOML.')
    .argument('[pool]', 'only this pool')
    .option('--origin', 'say where each value comes from')
    .addHelpText('after', example('fpm-ts config', 'fpm-ts config www --origin'))
    .action(async (pool: string | undefined, options: ConfigOptions, command: Command) => {
      const common = globals(command);
      const { config, problems, sources } = await loadFiles(common);
      const [{ hasErrors, toFpmError }, { configToJson, poolToJson, printConfig, printPool }] =
        await Promise.all([import('../config/problems.ts'), import('../config/print.ts')]);
      if (config === null || hasErrors(problems)) throw toFpmError(problems);
      if (pool !== undefined && !config.pools.some(it => it.name === pool)) {
        throw new FpmError(
          'NO_SUCH_POOL',
          `there is no pool ${pool}; there are: ${config.pools.map(it => it.name).join(', ') || 'none'}`,
        );
      }
      const selected = config.pools.find(it => it.name === pool);
      const origins = options.origin === true ? { origins: sources } : {};
      if (common.json === true)
        printJson(selected === undefined ? configToJson(config, origins) : poolToJson(selected, origins));
      else print(selected === undefined ? printConfig(config, origins) : printPool(selected, origins));
    });
}
