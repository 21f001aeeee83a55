/** The options of `fpm-ts cgi` as settings of the CGI host, with what can be wrong in them. */
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { FpmError } from '../../errors.ts';
import type { ServerProtocol } from '../../protocols/names.ts';
import type { CgiSettings } from '../../responders/cgi/settings.ts';
import { namedUser } from '../../responders/named-user.ts';

/** As commander gives them; lists are undefined when the option is not said. */
export interface CgiOptions {
  readonly root?: readonly string[];
  readonly protocol: ServerProtocol;
  readonly extension?: readonly string[];
  readonly program?: readonly string[];
  readonly interpreter?: readonly string[];
  readonly scriptPaths?: boolean;
  readonly user?: string;
  readonly env?: readonly string[];
  readonly passEnv?: readonly string[];
  readonly maxScripts: number;
  readonly maxPerScript: number;
  readonly maxQueue: number;
  /** In milliseconds. */
  readonly timeout: number;
  readonly killAfter: number;
  readonly maxCpuTime: number;
  /** In bytes. */
  readonly maxMemory: number;
  readonly maxFileSize: number;
  readonly maxParams: number;
}

export interface CgiCommand {
  readonly settings: CgiSettings;
  /** What is allowed and most likely not meant. */
  readonly notices: readonly string[];
}

/** Below it no real web server's request fits. */
const LEAST_PARAMS_BYTES = 4096;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param env of this process, for --pass-env
 * @throws {FpmError} USAGE
 */
export function settingsOf(options: CgiOptions, env: NodeJS.ProcessEnv, uid: number): CgiCommand {
  const roots = (options.root ?? []).map(directory => checkRoot(resolve(directory)));
  const programs = (options.program ?? []).map(file => checkAbsolute('--program', file));
  if (roots.length === 0 && programs.length === 0)
    throw wrong(
      'nothing is allowed to run: say with --root DIRECTORY where scripts stand, or with --program FILE which one',
    );
  if (options.maxParams < LEAST_PARAMS_BYTES)
    throw wrong(
      `--max-params ${options.maxParams}: no request fits into so few bytes; say ${LEAST_PARAMS_BYTES} or more`,
    );
  const settings: CgiSettings = {
    protocol: options.protocol,
    roots,
    programs,
    extensions: (options.extension ?? []).map(suffix => checkSuffix('--extension', suffix)),
    interpreters: new Map((options.interpreter ?? []).map(parseInterpreter)),
    scriptPaths: options.scriptPaths === true,
    user: checkUser(options.user, uid),
    env: {
      ...passedOn(options.passEnv ?? [], env),
      ...Object.fromEntries((options.env ?? []).map(parseVariable)),
    },
    maxScripts: options.maxScripts,
    maxPerScript: options.maxPerScript,
    maxQueue: options.maxQueue,
    timeoutMs: options.timeout,
    killAfterMs: options.killAfter,
    maxCpuSeconds: Math.ceil(options.maxCpuTime / 1000), // all that setrlimit(2) knows
    maxMemoryBytes: options.maxMemory,
    maxFileBytes: options.maxFileSize,
    maxParamsBytes: options.maxParams,
  };
  return { settings, notices: noticesOf(settings, options, env, uid) };
}

function noticesOf(
  { roots, programs, user }: CgiSettings,
  options: CgiOptions,
  env: NodeJS.ProcessEnv,
  uid: number,
): string[] {
  const missing = programs.filter(file => look(file) === null);
  return [
    ...(roots.includes('/') && programs.length === 0
      ? ['--root / lets the web server run every program of this machine: name the directory of the scripts']
      : []),
    ...missing.map(file => `--program ${file} is not there now; it is run once it is`),
    ...(user !== null && uid !== 0 && namedUser(user)?.uid !== uid
      ? [`--user ${user} is for root only, and ignored: scripts run as uid ${uid}`]
      : []),
    ...(options.user === undefined && user !== null
      ? [`started as root: scripts run as ${user}; give the pool a user, or name another one with --user`]
      : []),
    ...(options.passEnv ?? [])
      .filter(name => env[name] === undefined)
      .map(name => `--pass-env ${name}: is not set here`),
  ];
}

/** Opening tells the most about a directory, and is done by the CGI host; this is for the slips of a command line. */
function checkRoot(directory: string): string {
  const stat = look(directory);
  if (stat === null)
    throw wrong(`--root ${directory} does not exist: name the directory of the scripts, or make it`);
  if (!stat.isDirectory())
    throw wrong(`--root ${directory} is not a directory: a single script is named by --program`);
  return directory;
}

/** Null: not there. @throws {FpmError} when it cannot be seen */
function look(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw wrong(`${path} cannot be used: ${message}`);
  }
}

function checkAbsolute(option: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw wrong(`${option} ${path}: nothing is searched; write the whole path, beginning with /`);
}

/** A dot first: `cgi` would fit `xcgi`, and what is meant by it is `.cgi`. */
function checkSuffix(option: string, suffix: string): string {
  if (/^\.[^/\0]+$/.test(suffix)) return suffix;
  throw wrong(`${option} ${suffix}: a suffix begins with a dot, as in .cgi`);
}

function parseInterpreter(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals < 0) throw wrong(`--interpreter ${text}: write SUFFIX=PROGRAM, as in .pl=/usr/bin/perl`);
  const suffix = checkSuffix('--interpreter', text.slice(0, equals));
  const program = checkAbsolute(`--interpreter ${suffix}`, text.slice(equals + 1));
  const stat = look(program);
  if (stat === null)
    throw wrong(`--interpreter ${text}: ${program} does not exist: install it, or correct the path`);
  if (!stat.isFile() || !isExecutable(program))
    throw wrong(`--interpreter ${text}: ${program} is no program that may be executed: correct the path`);
  return [suffix, program];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function parseVariable(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  if (VARIABLE_NAME.test(name)) return [name, text.slice(equals + 1)];
  throw wrong(`--env ${text}: write NAME=VALUE, the name of letters, digits and _`);
}

function passedOn(names: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  const found = names.map(name => {
    if (!VARIABLE_NAME.test(name))
      throw wrong(`--pass-env ${name}: the name of a variable is of letters, digits and _`);
    return [name, env[name]] as const;
  });
  return Object.fromEntries(found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** Whom root becomes who was told nobody: as the sample programs do. */
const DEFAULT_USER = 'nobody';

/** @returns null when there is nobody to become */
function checkUser(user: string | undefined, uid: number): string | null {
  if (user === undefined) return uid === 0 ? DEFAULT_USER : null;
  const identity = namedUser(user);
  if (identity === null)
    throw wrong(
      `--user ${user}: there is no such user; choose one that exists, or create it: useradd --system NAME`,
    );
  if (identity.uid === 0 || identity.gid === 0)
    throw wrong(`--user ${user} is root, or in the group of root: scripts do not run so; choose another`);
  return user;
}

function wrong(message: string): FpmError {
  return new FpmError('USAGE', `cgi: ${message}`);
}
