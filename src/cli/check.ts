/** `fpm-ts check`: the same verdict as `start`, without starting anything. */
import type { Command } from 'commander';
import { EXIT } from '../errors.ts';
import { leftIn } from '../keeper/handover/left.ts';
import { type GlobalOptions, globals, loadFiles, print, printJson } from './context.ts';
import { example } from './example.ts';

interface CheckOptions {
  readonly static?: boolean;
}

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description(
      'Test the configuration as the system stands: files, users, directories, addresses, executables, limits.',
    )
    .option('--static', 'only the files themselves, for a system other than this one')
    .addHelpText('after', example('fpm-ts check', 'fpm-ts -c ./fpm-ts.toml check --static'))
    .action(async (options: CheckOptions, command: Command) => {
      process.exitCode = await check(globals(command), options.static === true);
    });
}

async function check(common: GlobalOptions, isStatic: boolean): Promise<number> {
  const [
    { config, problems: fromFiles, obstacles, sources },
    { checkSystem },
    { formatProblem, hasErrors, problemsToJson, sortProblems },
  ] = await Promise.all([
    loadFiles(common),
    import('../config/check/check.ts'),
    import('../config/problems.ts'),
  ]);
  const skipped = [{ what: 'the system', why: isStatic ? '--static' : 'the files have errors' }];
  const system =
    config === null || isStatic
      ? { problems: [], obstacles: new Map(), untested: skipped }
      : await checkSystem(config, sources, {
          ownAddresses: await addressesOfRunning(common),
          left: leftIn(config.runDir),
        });
  const ofPools = [...obstacles.values(), ...system.obstacles.values()].flat();
  const problems = sortProblems([...fromFiles, ...system.problems, ...ofPools]);
  const isBad = hasErrors(problems);
  if (common.json === true) {
    printJson({ ok: !isBad, ...problemsToJson(problems), untested: system.untested });
  } else {
    for (const problem of problems) print(formatProblem(problem));
    for (const { what, why } of system.untested) print(`not tested: ${what} (${why})`);
    const pools = config?.pools.filter(pool => pool.enabled).length ?? 0;
    if (!isBad) print(`the configuration ${config?.file} is good, ${pools} pool${pools === 1 ? '' : 's'}`);
  }
  return isBad ? EXIT.config : EXIT.ok;
}

/** What our own running supervisor listens on is not taken. */
async function addressesOfRunning(common: GlobalOptions): Promise<ReadonlySet<string>> {
  const { callSupervisor } = await import('./context.ts');
  try {
    const status = await callSupervisor(common, 'status', {});
    return new Set(
      status.pools.filter(({ state }) => state !== 'stopped').map(({ listen }) => listen.address),
    );
  } catch {
    return new Set(); // none runs, or it does not talk to us
  }
}
