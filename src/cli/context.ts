/** What several commands need: the global options, the configuration, the supervisor's socket. */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Args, CommandName, Result } from '../commands/commands.ts';
import type { LoadResult } from '../config/load.ts';
import type { GlobalConfig, PoolConfig } from '../config/types.ts';
import type { Instance } from '../control/instance.ts';
import { FpmError } from '../errors.ts';
import { jsonText } from '../printable.ts';
import { write } from './output.ts';

export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** The global options, wherever on the line they stood. */
export function globals(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** The configuration file of this command line; null when none is named and there is none at the default place. */
export async function configFile(options: GlobalOptions): Promise<string | null> {
  const { findConfigFile } = await import('../config/find.ts');
  return findConfigFile(options.config, process.env);
}

/** The same for whoever cannot do without. @throws {FpmError} CONFIG_MISSING */
export async function requiredConfigFile(options: GlobalOptions): Promise<string> {
  const file = await configFile(options);
  if (file !== null) return file;
  throw new FpmError(
    'CONFIG_MISSING',
    'there is no configuration: -c names none, FPM_TS_CONFIG is not set, and /etc/fpm-ts/fpm-ts.toml does not exist. An empty file is a valid one; pools go into pools.d/NAME.toml beside it' +
      (await writtenByInit()),
  );
}

/** Of an ordinary user, whose own file is only taken when it is named. */
async function writtenByInit(): Promise<string> {
  const [{ USER_CONFIG_FILE, userConfigHome }, { isThere }] = await Promise.all([
    import('../config/find.ts'),
    import('../config/read-file.ts'),
  ]);
  try {
    const file = join(userConfigHome(process.env), USER_CONFIG_FILE);
    return isThere(file) ? `. ${file} is there: say \`-c ${file}\`, or \`export FPM_TS_CONFIG=${file}\`` : '';
  } catch {
    return ''; // no home
  }
}

/** Reads the configuration with every problem that it has. @throws {FpmError} CONFIG_MISSING when there is none at all */
export async function loadFiles(options: GlobalOptions): Promise<LoadResult> {
  const [file, { loadConfig }] = await Promise.all([
    requiredConfigFile(options),
    import('../config/load.ts'),
  ]);
  return loadConfig({ file, env: process.env, uid: process.getuid?.() ?? 0 });
}

/** @throws {FpmError} with all errors of the configuration */
export async function loadOrThrow(options: GlobalOptions): Promise<GlobalConfig> {
  const { config, problems } = await loadFiles(options);
  const { hasErrors, toFpmError } = await import('../config/problems.ts');
  if (config === null || hasErrors(problems)) throw toFpmError(problems);
  return config;
}

/** @throws {FpmError} NO_SUCH_POOL */
export async function poolConfig(options: GlobalOptions, name: string): Promise<PoolConfig> {
  const config = await loadOrThrow(options);
  const pool = config.pools.find(it => it.name === name);
  if (pool !== undefined) return pool;
  const known = config.pools.map(it => it.name).join(', ') || 'none';
  throw new FpmError(
    'NO_SUCH_POOL',
    `there is no pool ${name} in ${config.file ?? 'the configuration'}; there are: ${known}`,
  );
}

/** Asks the running supervisor. @throws {FpmError} NOT_RUNNING, NOT_ANSWERING, NOT_ALLOWED, or what it answered */
export async function callSupervisor<N extends CommandName>(
  options: GlobalOptions,
  name: N,
  args: Args<N>,
): Promise<Result<N>> {
  const { call } = await import('../control/client.ts');
  return await call(await instance(options), name, args);
}

/** @throws {FpmError} CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_VARIABLE */
export async function instance(options: GlobalOptions): Promise<Instance> {
  const { runtimePaths } = await import('../config/runtime-paths.ts');
  const file = await configFile(options);
  return { ...runtimePaths(file), configFile: file };
}

export function printJson(value: unknown): void {
  write('stdout', `${jsonText(value)}\n`);
}

export function print(text: string): void {
  write('stdout', text.endsWith('\n') ? text : `${text}\n`);
}
