/** `fpm-ts start`: becomes the keeper; with names, starts pools of a running supervisor. */
import { start } from '../commands/start.ts';
import { EXIT, FpmError } from '../errors.ts';
import { heedSignals } from '../os/early-signals.ts';
import { callSupervisor, type GlobalOptions, print, printJson, requiredConfigFile } from './context.ts';
import type { Action } from './control-command.ts';
import { write } from './output.ts';

export function startWith(entry: string): Action<'start'> {
  return async ({ pools }, common, { daemonize: isDaemon }) => {
    if (pools !== undefined || isDaemon === true) heedSignals();
    if (pools !== undefined) return await startPools(common, pools);
    const file = await requiredConfigFile(common);
    if (isDaemon === true) await daemonize(file, common);
    else await foreground(entry, file, common);
  };
}

async function startPools(options: GlobalOptions, pools: readonly string[]): Promise<void> {
  const result = await callSupervisor(options, 'start', { pools });
  if (options.json === true) printJson(result);
  else print(start.text?.(result) ?? '');
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
