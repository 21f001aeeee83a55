/** `fpm-ts start`: becomes the keeper; with names, starts pools of a running supervisor. */
import type { Command } from 'commander';
import { EXIT, FpmError } from '../errors.ts';
import { heedSignals } from '../os/early-signals.ts';
import {
  callSupervisor,
  type GlobalOptions,
  globals,
  print,
  printJson,
  requiredConfigFile,
} from './context.ts';
import { example } from './example.ts';
import { write } from './output.ts';

interface StartOptions {
  readonly daemonize?: boolean;
}

export function registerStart(program: Command, entry: string): void {
  program
    .command('start')
    .description('Run the supervisor in the foreground; with names, start stopped pools of a running one.')
    .argument('[pools...]', 'stopped pools')
    .option(
      '--daemonize',
      'return when every pool is ready, or say why not; a log to stderr goes to RUN_DIR/fpm-ts.log',
    )
    .addHelpText(
      'after',
      example('fpm-ts start', 'fpm-ts -c /srv/fpm-ts.toml start --daemonize', 'fpm-ts start www'),
    )
    .action(async (pools: string[], options: StartOptions, command: Command) => {
      const common = globals(command);
      if (pools.length > 0 || options.daemonize === true) heedSignals();
      if (pools.length > 0) return await startPools(common, pools);
      const file = await requiredConfigFile(common);
      if (options.daemonize === true) await daemonize(file, common);
      else await foreground(entry, file, common);
    });
}

async function startPools(options: GlobalOptions, pools: readonly string[]): Promise<void> {
  const result = await callSupervisor(options, 'start', { pools });
  if (options.json === true) printJson(result);
  else print(`started ${result.started.join(', ')}`);
}

async function foreground(entry: string, file: string, options: GlobalOptions): Promise<void> {
  const { runKeeper } = await import('./keeper-process.ts');
  runKeeper({
    entry,
    configFile: file,
    json: options.json === true,
    announceDescriptor: null,
    resumeDescriptor: null,
  });
}

async function daemonize(file: string, options: GlobalOptions): Promise<void> {
  const { startInBackground } = await import('./background.ts');
  const announced = await startInBackground(file, options.json === true);
  if (announced.exitCode !== EXIT.ok) {
    // The error is complete: what the supervisor said is printed as it is.
    write(announced.stream, announced.message);
    process.exitCode = announced.exitCode;
    return;
  }
  const { pid, log } = announced;
  const where = log === null ? '' : `; its log is ${log}`;
  if (!announced.ok)
    throw new FpmError(
      'POOL_FAILED',
      `${announced.message}\nfpm-ts itself is running (pid ${pid}${where}); \`fpm-ts stop\` stops it`,
    );
  if (options.json === true) printJson({ pid, ...(log === null ? {} : { log }) });
  else print(`fpm-ts runs, pid ${pid}${where}`);
}
