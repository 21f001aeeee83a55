/**
 * Where a running instance can be found, without loading the schema: commands that only talk to the supervisor must
 * be quick, and must find it even when a pool file is broken.
 */
import { dirname, resolve } from 'node:path';
import { parse } from 'toml';
import { FpmError } from '../errors.ts';
import { defaultPidFile, defaultRunDir, defaultSocket } from './default-paths.ts';
import { expand } from './expand.ts';
import { NoFileError, readRegularFile } from './read-file.ts';

export interface RuntimePaths {
  readonly runDir: string;
  readonly socket: string;
  readonly pidFile: string;
  /** `stderr`, or a path. */
  readonly logFile: string;
}

/** @param file fpm-ts.toml; null: everything is at its default. @throws {FpmError} CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_VARIABLE */
export function runtimePaths(file: string | null): RuntimePaths {
  const keys: Keys = file === null ? {} : parseFile(file);
  const here = file === null ? '/' : dirname(file);
  const fallback = defaultRunDir(process.getuid?.() ?? 0, process.env);
  const runDir = path(keys.run_dir, here, undefined, file) ?? fallback;
  const control = keys.control as { readonly socket?: unknown } | undefined;
  const log = keys.log as { readonly file?: unknown } | undefined;
  return {
    runDir,
    socket: path(control?.socket, here, runDir, file) ?? defaultSocket(runDir),
    pidFile: path(keys.pid_file, here, runDir, file) ?? defaultPidFile(runDir),
    logFile: log?.file === 'stderr' ? 'stderr' : (path(log?.file, here, runDir, file) ?? 'stderr'),
  };
}

interface Keys {
  readonly run_dir?: unknown;
  readonly pid_file?: unknown;
  readonly control?: unknown;
  readonly log?: unknown;
}

function parseFile(file: string): Keys {
  let text: string;
  try {
    text = readRegularFile(file).toString();
  } catch (error) {
    if (!(error instanceof NoFileError)) throw error;
    throw new FpmError('CONFIG_MISSING', `${file} ${error.message}\n  ${error.remedy}`, { file });
  }
  try {
    return parse(text) as Keys;
  } catch {
    throw new FpmError(
      'CONFIG_SYNTAX',
      `${file} is not valid TOML, so it cannot tell where the supervisor is: \`fpm-ts check\` says what is wrong`,
      { file },
    );
  }
}

function path(
  value: unknown,
  here: string,
  runDir: string | undefined,
  file: string | null,
): string | undefined {
  if (typeof value !== 'string') return undefined;
  const expanded = expand(value, { pool: undefined, here, runDir, node: process.execPath, env: process.env });
  if (expanded.ok) return resolve(here, expanded.text);
  throw new FpmError(
    'CONFIG_VARIABLE',
    `${expanded.message}; ${expanded.remedy}`,
    file === null ? {} : { file },
  );
}
