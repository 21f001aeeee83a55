/**
 * What is executed for a worker: its environment, and the programs in front of its command that set what must be
 * set before it runs. Each of them executes the next, so the pid stays and nothing of ours is in
 * between. The order: what needs root first, then credentials, then the pool's own variables.
 */

import { statSync } from 'node:fs';
import { getPriority } from 'node:os';
import { basename, dirname } from 'node:path';
import { kindOf } from '../config/read-file.ts';
import { rlimitsOf } from '../config/rlimits.ts';
import { isPhpCgi } from '../config/rule.ts';
import type { PoolConfig } from '../config/types.ts';
import type { WorkerSpec } from '../keeper/protocol.ts';
import { withRightsOf } from '../os/file-rights.ts';
import { DEFAULT_PATH, findProgram, helperProgram } from '../os/programs.ts';
import type { Identity } from './identity.ts';
import { lateEnvironment } from './late-environment.ts';

/** Variables of ours or of our service manager's, which mean something else to a worker. */
const NEVER_PASSED = /^(NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*|NODE_OPTIONS)$/;

/**
 * The hard limit of a worker's descriptors where `rlimit_files` sets none. Event loops raise their soft limit to the hard
 * one, so it is what a server with many connections needs, and far below the million that a service manager gives.
 */
const FILES_MAX = 65_536;

export function workerSpec(
  pool: PoolConfig,
  identity: Identity,
  listener: string | null,
  env: NodeJS.ProcessEnv,
): WorkerSpec {
  const environment = workerEnvironment(pool, identity, env);
  const started = workerArgv(pool, identity, environment);
  const [program = ''] = started.argv;
  const command = locateCommand(pool, identity, environment.PATH ?? DEFAULT_PATH);
  return {
    path: program.includes('/') ? program : command,
    ...started,
    cwd: pool.chroot ?? pool.chdir,
    user: { uid: identity.uid, gid: identity.gid, groups: identity.groups },
    umask: pool.umask,
    filesMax: pool.rlimitFiles === undefined ? FILES_MAX : null,
    listener,
    listenerDescriptor: listenerDescriptor(pool),
    wholeGroup: pool.killMode === 'group',
    stopSignal: pool.stopSignal,
    stopTimeoutMs: pool.processControlTimeoutMs,
    pool: pool.name,
    logFile: pool.log.file ?? null,
  };
}

/** Where a worker finds its listener: sd_listen_fds(3), or FCGI_LISTENSOCK_FILENO of the FastCGI specification. */
export function listenerDescriptor({ listen }: Pick<PoolConfig, 'listen'>): 0 | 3 {
  return listen.pass === 'systemd' ? 3 : 0;
}

/**
 * Behind the programs in front of it, a command that is not there would be no more than an exit code of theirs
 * (125 to 127). It is looked at with the worker's rights, which say no more than what its user may know. Inside a jail
 * we do not look: links lead elsewhere there.
 * @throws {Error} when there is no such program
 */
function locateCommand(
  { command: [name = ''], chroot }: PoolConfig,
  identity: Identity,
  path: string,
): string {
  if (chroot !== undefined) return name;
  const isPath = name.includes('/');
  return withRightsOf(identity, () => {
    const found = isPath ? findProgram(basename(name), dirname(name)) : findProgram(name, path);
    if (found !== null) return isPath ? name : found;
    const what = isPath ? whatIsWrong(name, identity) : `there is none that may be executed in PATH ${path}`;
    throw new Error(`command ${name} cannot be started: ${what}`);
  });
}

function whatIsWrong(path: string, { name }: Identity): string {
  try {
    const stat = statSync(path);
    return stat.isFile() ? `${name} may not execute it` : `it is ${kindOf(stat)}, not a program`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'it does not exist' : `${name} does not get to it (${code})`;
  }
}

/** The environment of a worker: cleared unless the pool says otherwise, and never with what is meant for us. */
export function workerEnvironment(
  pool: PoolConfig,
  identity: Pick<Identity, 'name' | 'home'>,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const inherited = pool.clearEnv
    ? pool.passEnv.map(name => [name, env[name]] as const)
    : Object.entries(env);
  const result: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const [name, value] of inherited)
    if (value !== undefined && !NEVER_PASSED.test(name)) result[name] = value;
  Object.assign(result, { HOME: identity.home, USER: identity.name, LOGNAME: identity.name });
  if (pool.listen.pass === 'systemd') {
    // LISTEN_PID is the worker's own and is set by the shell in front of it.
    Object.assign(result, { LISTEN_FDS: '1', LISTEN_FDNAMES: pool.name });
  }
  if (isPhpCgi(pool.command)) result.PHP_FCGI_MAX_REQUESTS = String(pool.pm.maxRequests); // unset it is 500, 0 is no limit
  const { allowedClients } = pool.listen;
  // It holds addresses only: programs would refuse the clients of a network that is left out.
  if (allowedClients.length > 0 && !allowedClients.some(client => client.includes('/')))
    result.FCGI_WEB_SERVER_ADDRS = allowedClients.join(',');
  return { ...result, ...pool.env };
}

/**
 * The command with the programs in front of it, and the environment that the first of them is started with. Where
 * there are any, the pool's variables are set behind the credentials (late-environment.ts).
 */
export function workerArgv(
  pool: PoolConfig,
  identity: Identity,
  environment: Readonly<Record<string, string>>,
): { readonly argv: string[]; readonly env: Readonly<Record<string, string>> } {
  const front = [
    ...listenPid(pool),
    ...limits(pool),
    ...credentials(pool, identity),
    ...enterDirectory(pool),
  ];
  if (front.length === 0) return { argv: [...pool.command], env: environment };
  const { setter, env } = lateEnvironment(environment, pool, ownVariables(pool));
  return { argv: [...front, ...setter, ...pool.command], env };
}

/** Those that the programs in front of the command set themselves. */
function ownVariables({ listen }: PoolConfig): string[] {
  return listen.pass === 'systemd' ? ['LISTEN_PID'] : [];
}

/** What a shell adds to the environment of the programs that it executes. */
const NO_TRACE = 'unset PWD OLDPWD SHLVL';

/** sd_listen_fds(3): LISTEN_PID must be the pid of the process that looks at it. */
function listenPid(pool: PoolConfig): string[] {
  return pool.listen.pass === 'systemd'
    ? ['/bin/sh', '-c', `${NO_TRACE}; LISTEN_PID=$$ exec "$@"`, 'sh']
    : [];
}

function limits(pool: PoolConfig): string[] {
  const { priority, oomScoreAdj } = pool.process;
  // prlimit(1): one value sets the soft and the hard limit, as php-fpm does.
  const options = rlimitsOf(pool).map(([name, limit]) => `--${name === 'files' ? 'nofile' : name}=${limit}`);
  return [
    // nice(1) adds to the niceness that it has, which is ours.
    ...(priority === 0 ? [] : [helperProgram('nice'), '-n', String(priority - getPriority())]),
    ...(oomScoreAdj === 0 ? [] : [helperProgram('choom'), '-n', String(oomScoreAdj), '--']),
    ...(options.length === 0 ? [] : [helperProgram('prlimit'), ...options, '--']),
  ];
}

function credentials(pool: PoolConfig, identity: Identity): string[] {
  const { noNewPrivileges } = pool.process;
  const groups = identity.groups.join(',');
  const privileges = noNewPrivileges ? ['--no-new-privs'] : [];
  if (pool.chroot !== undefined) {
    // setpriv would not be found inside, and chroot is not permitted any more once the user has changed. Without the
    // plus, chroot(1) looks a number up as a name as well, in the jail's own /etc/passwd, which its user may write.
    const outer = noNewPrivileges ? [helperProgram('setpriv'), ...privileges, '--'] : [];
    return [
      ...outer,
      helperProgram('chroot'),
      `--userspec=+${identity.uid}:+${identity.gid}`,
      `--groups=${identity.groups.map(group => `+${group}`).join(',')}`,
      '.', // the worker begins there: by name, its user could lead chroot(1) elsewhere
    ];
  }
  if (!identity.isOther) return noNewPrivileges ? [helperProgram('setpriv'), ...privileges, '--'] : [];
  const supplementary = groups === '' ? '--clear-groups' : `--groups=${groups}`;
  return [
    helperProgram('setpriv'),
    ...privileges,
    `--reuid=${identity.uid}`,
    `--regid=${identity.gid}`,
    supplementary,
    '--',
  ];
}

/** chroot(1) goes to the root of the jail; only something inside it can go further. */
function enterDirectory(pool: PoolConfig): string[] {
  if (pool.chroot === undefined || pool.chdir === '/') return [];
  return ['/bin/sh', '-c', `cd "$0" && ${NO_TRACE} && exec "$@"`, pool.chdir];
}
