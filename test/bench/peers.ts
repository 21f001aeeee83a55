/** The programs beside which fpm-ts is measured, each with the workers, the user and the backlog of its pool. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPhpFpm, findProgram } from '../lib/needs.ts';
import type { Place } from '../lib/place.ts';
import { descendants, kill } from '../lib/processes.ts';
import { type StartedProcess, startProcess } from '../lib/server.ts';
import { IS_ROOT } from '../lib/suite.ts';
import { untilAccepting } from './accepting.ts';
import { WORKER_USER } from './account.ts';

/** What fpm-ts has where a pool says nothing. */
const BACKLOG = 511;

export interface Peer extends StartedProcess {
  readonly socket: string;
}

/** A directory for what the peer writes; its socket lies beside it, because a peer may leave that behind. */
function directory(place: Place, name: string): { dir: string; errorLog: string; socket: string } {
  const dir = join(place.dir, name);
  mkdirSync(dir);
  return { dir, errorLog: join(dir, 'error.log'), socket: join(place.dir, `${name}.sock`) };
}

/**
 * spawn-fcgi opens the socket and becomes multiwatch, which keeps the workers alive.
 * @param command a worker's, and what executes it
 */
export async function startMultiwatch(
  place: Place,
  command: readonly string[],
  workers: number,
  name = 'multiwatch',
): Promise<Peer> {
  const { dir, errorLog, socket } = directory(place, name);
  const account = IS_ROOT ? ['-u', WORKER_USER, '-g', WORKER_USER, '-U', WORKER_USER, '-G', WORKER_USER] : [];
  const multiwatch = [findProgram('multiwatch') ?? 'multiwatch', '-f', String(workers), '--', ...command];
  const started = await startProcess(place, {
    command: findProgram('spawn-fcgi') ?? 'spawn-fcgi',
    args: ['-s', socket, '-M', '0660', '-b', String(BACKLOG), ...account, '-n', '--', ...multiwatch],
    dir,
    errorLog,
    endSignal: 'SIGTERM',
    ownSession: true,
  });
  return { ...started, socket };
}

/** spawn-fcgi opens the socket and becomes fcgiwrap, whose processes run one script at a time each. */
export async function startFcgiwrap(place: Place, processes: number): Promise<Peer> {
  const { dir, errorLog, socket } = directory(place, `fcgiwrap-${processes}`);
  const account = IS_ROOT ? ['-u', WORKER_USER, '-g', WORKER_USER, '-U', WORKER_USER, '-G', WORKER_USER] : [];
  const fcgiwrap = [findProgram('fcgiwrap') ?? 'fcgiwrap', '-c', String(processes)];
  const started = await startProcess(place, {
    command: findProgram('spawn-fcgi') ?? 'spawn-fcgi',
    args: ['-s', socket, '-M', '0660', '-b', String(BACKLOG), ...account, '-n', '--', ...fcgiwrap],
    dir,
    errorLog,
    endSignal: 'SIGTERM',
    ownSession: true,
  });
  // It leaves them behind when it ends, replaces one that ends before it, and SIGTERM ends few of those that accept.
  place.defer(() => {
    const children = descendants(started.pid);
    process.kill(started.pid, 'SIGKILL');
    for (const child of children) kill(child, 'SIGKILL');
  });
  await untilAccepting(started.pid, processes, performance.now(), () => started.assertRunning());
  return { ...started, socket };
}

export async function startSupervisord(place: Place, program: string, workers: number): Promise<Peer> {
  const { dir, errorLog, socket } = directory(place, 'supervisord');
  const file = join(dir, 'supervisord.conf');
  const account = IS_ROOT ? [`user=${WORKER_USER}`, `socket_owner=${WORKER_USER}:${WORKER_USER}`] : [];
  const lines = [
    '[supervisord]',
    `logfile=${dir}/supervisord.log`,
    `pidfile=${dir}/supervisord.pid`,
    `childlogdir=${dir}`,
    // Three pipes a worker, and its own: above the default of 1,024 with 200 workers.
    'minfds=4096',
    ...(IS_ROOT ? ['user=root'] : []),
    '[fcgi-program:hello]',
    `command=${program}`,
    `socket=unix://${socket}`,
    'socket_mode=0660',
    `socket_backlog=${BACKLOG}`,
    `numprocs=${workers}`,
    'process_name=%(program_name)s_%(process_num)03d',
    ...account,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const started = await startProcess(place, {
    command: findProgram('supervisord') ?? 'supervisord',
    args: ['--nodaemon', '--configuration', file],
    dir,
    errorLog,
    endSignal: 'SIGTERM',
    ownSession: true,
  });
  return { ...started, socket };
}

export interface PhpFpmOptions {
  readonly children: number;
  /** The directory of php.ini and conf.d that php-cgi uses as well; by default php-fpm's own. */
  readonly iniDirectory?: string;
  /** A static pool unless said otherwise; the lines of its kind besides pm.max_children. */
  readonly pm?: readonly string[];
  /** Its socket by default. */
  readonly listen?: string;
  /** As many pools as addresses instead of one, all alike. */
  readonly addresses?: readonly string[];
  /** Seconds; php-fpm's default is 0. */
  readonly processControlTimeout?: number;
}

export async function startPhpFpm(place: Place, options: PhpFpmOptions): Promise<Peer> {
  const { dir, errorLog, socket } = directory(place, 'php-fpm');
  const {
    children,
    iniDirectory,
    pm = ['pm = static'],
    listen = socket,
    addresses = [listen],
    processControlTimeout = 0,
  } = options;
  const file = join(dir, 'php-fpm.conf');
  const account = IS_ROOT
    ? ['user', 'group', 'listen.owner', 'listen.group'].map(key => `${key} = ${WORKER_USER}`)
    : [];
  const lines = [
    '[global]',
    `error_log = ${errorLog}`,
    'daemonize = no',
    `process_control_timeout = ${processControlTimeout}`,
    ...addresses.flatMap((address, i) => [
      `[www${i}]`,
      ...account,
      `listen = ${address}`,
      `listen.backlog = ${BACKLOG}`,
      'listen.mode = 0660',
      ...pm,
      `pm.max_children = ${children}`,
    ]),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const started = await startProcess(place, {
    command: findPhpFpm() ?? 'php-fpm',
    args: ['--fpm-config', file, ...(iniDirectory === undefined ? [] : ['-c', iniDirectory])],
    dir,
    errorLog,
    endSignal: 'SIGTERM',
    ownSession: true,
    env: iniDirectory === undefined ? {} : { PHP_INI_SCAN_DIR: join(iniDirectory, 'conf.d') },
  });
  return { ...started, socket };
}
