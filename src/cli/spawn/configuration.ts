/** What was asked for on the command line as a configuration of one static pool. */
import { basename } from 'node:path';
import { escapeExpansion } from '../../config/expand.ts';
import { isPhpCgi } from '../../config/rule.ts';
import { type TomlValue, tomlLine } from '../../config/toml/write.ts';
import { formatMode } from '../../config/values.ts';
import type { Accounts } from './accounts.ts';
import type { SpawnRequest } from './command-line.ts';
import type { Places } from './places.ts';

export interface Surroundings {
  readonly accounts: Accounts;
  readonly places: Places;
  readonly env: NodeJS.ProcessEnv;
  readonly umask: number;
  readonly isRoot: boolean;
  /** Of a socket file in a directory that gives its own; null: as usual. */
  readonly inheritedGroup: number | null;
}

type Keys = Readonly<Record<string, TomlValue | undefined>>;

/** spawn-fcgi leaves as soon as its child has lived for 100 ms: a program that takes its time must not be killed. */
const START_TIMEOUT = '5m';
/** What php-cgi itself has for PHP_FCGI_MAX_REQUESTS (sapi/cgi/cgi_main.c). */
const PHP_MAX_REQUESTS = '500';
/** Set for the worker's user in every pool; spawn-fcgi leaves them alone. */
const KEPT_VARIABLES = ['HOME', 'USER', 'LOGNAME'];

/** The name of the pool: of the socket, or the port. */
export function poolName({ address }: SpawnRequest): string {
  if (address.type === 'tcp') return `port-${address.port}`;
  const name = basename(address.path)
    .replace(/\.(sock|socket)$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 24);
  return name === '' ? 'pool' : name;
}

/** `listen.address` */
export function addressText({ address }: SpawnRequest, { socket }: Places): string {
  if (address.type === 'unix') return socket ?? address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The text of fpm-ts.toml. */
export function mainText(request: SpawnRequest, { places }: Surroundings, runDir: string): string {
  return toml({
    include: [`${poolName(request)}.toml`],
    run_dir: runDir,
    pid_file: places.pidFile ?? undefined,
    // In the background it is a file that nobody rotates.
    'log.level': request.isForeground ? undefined : 'warn',
  });
}

/** The text of the pool's file. */
export function poolText(request: SpawnRequest, around: Surroundings): string {
  const { accounts, places, umask, isRoot } = around;
  const isRootsWorker = accounts.user === undefined || accounts.user === 'root';
  return toml({
    command: commandOf(request, places),
    user: accounts.user,
    group: accounts.group,
    allow_root: isRoot && isRootsWorker ? true : undefined,
    umask: formatMode(umask),
    chdir: places.directory,
    chroot: places.chroot ?? undefined,
    clear_env: false,
    ...environment(request, around.env),
    'listen.address': addressText(request, places),
    'listen.backlog': request.backlog,
    ...socketFile(request, around),
    'pm.mode': 'static',
    'pm.max_children': request.workers,
    start_timeout: START_TIMEOUT,
    ...phpKeys(request, around.env),
    'log.file': request.isForeground ? undefined : '/dev/null', // as spawn-fcgi has it
  });
}

function commandOf({ app, shellCommand }: SpawnRequest, { program }: Places): string[] {
  return program === null ? ['/bin/sh', '-c', `exec ${shellCommand}`] : [program, ...app.slice(1)];
}

function socketFile({ address, mode }: SpawnRequest, around: Surroundings): Keys {
  if (address.type === 'tcp') return {};
  const { accounts, umask, inheritedGroup } = around;
  const { user, socketOwner, socketGroup } = accounts;
  const isLeftAlone = user === undefined && socketGroup === undefined && inheritedGroup !== null;
  return {
    'listen.owner': socketOwner,
    'listen.group': isLeftAlone ? String(inheritedGroup) : socketGroup,
    'listen.mode': formatMode(mode ?? 0o660 & ~umask),
  };
}

function environment({ phpChildren }: SpawnRequest, env: NodeJS.ProcessEnv): Keys {
  const kept = KEPT_VARIABLES.filter(name => env[name] !== undefined).map(name => [name, env[name]]);
  const php = phpChildren === null ? [] : [['PHP_FCGI_CHILDREN', String(phpChildren)]];
  return Object.fromEntries([...kept, ...php].map(([name, value]) => [`env.${name}`, value]));
}

/** What makes php-cgi's own processes and their end known. */
function phpKeys({ app, shellCommand, phpChildren }: SpawnRequest, env: NodeJS.ProcessEnv): Keys {
  const isBehindShell = app.length === 0;
  if (!isPhpCgi(isBehindShell ? shellCommand.trim().split(/\s+/) : app)) return {};
  const children = phpChildren ?? numberIn(env.PHP_FCGI_CHILDREN ?? '0');
  return {
    stop_is_graceful: true,
    'pm.worker_concurrency': children > 0 ? children : undefined,
    // Behind a shell nobody sets it, and the environment has the say.
    'pm.max_requests': isBehindShell ? undefined : numberIn(env.PHP_FCGI_MAX_REQUESTS ?? PHP_MAX_REQUESTS),
  };
}

/** As atoi(3) reads it. */
function numberIn(text: string): number {
  return Math.max(Number.parseInt(text, 10) || 0, 0);
}

function toml(keys: Keys): string {
  return Object.entries(keys)
    .flatMap(([key, value]) =>
      value === undefined ? [] : [`${tomlLine(key.split('.'), literally(value))}\n`],
    )
    .join('');
}

/** A dollar sign means itself. */
function literally(value: TomlValue): TomlValue {
  if (typeof value === 'string') return escapeExpansion(value);
  return Array.isArray(value) ? value.map(literally) : value;
}
