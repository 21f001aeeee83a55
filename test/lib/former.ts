/** The programs that a pool may take over from, each as Debian has it, started as their manuals say. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { watchProcesses } from './leftovers.ts';
import { findPhpFpm, findProgram, type Program } from './needs.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';
import { descendants, kill, readStat } from './processes.ts';
import { type ProcessCommand, type StartedProcess, startProcess } from './server.ts';

export interface Former {
  /** What `fpm-ts takeover --pid` is given. */
  readonly pid: number;
  /** Ends it for good, as its advice says, when it has been drained: no request is in its hands then. */
  end(): Promise<void>;
}

export interface FormerProgram {
  readonly name: string;
  readonly needs: readonly Program[];
  /** Of test/fixtures: what answers. */
  readonly script: string;
  /** The command of the pool that takes over. */
  readonly command: readonly string[];
  /** What the command tells to do about it. */
  readonly advice: RegExp;
  /** @param address a path, or ip:port */
  start(place: Place, address: string): Promise<Former>;
}

const USER = 'www-data';
const AS_USER = ['--reuid', USER, '--regid', USER, '--clear-groups'];
const PHP = { script: 'php/storm.php', command: ['/usr/bin/php-cgi'] };
/** php-cgi ends after 500 requests, and nobody replaces it. */
const ENDLESS = { PHP_FCGI_MAX_REQUESTS: '0' };

function isPath(address: string): boolean {
  return address.startsWith('/');
}

function ownDirectory(place: Place, name: string): string {
  const dir = join(place.dir, name);
  mkdirSync(dir);
  return dir;
}

/** Ends processes that are no children of ours, and waits for it. */
async function killAll(pids: readonly number[]): Promise<void> {
  const seen = [...pids.map(readStat).filter(it => it !== undefined), ...descendants(...pids)];
  const watch = watchProcesses();
  watch.look(seen.map(({ pid }) => pid));
  for (const each of seen) kill(each, 'SIGKILL');
  await until(() => watch.alive().length === 0, { what: 'the old program to be gone' });
}

/** A manager in the foreground, as its service runs it. */
async function startManager(
  place: Place,
  options: Omit<ProcessCommand, 'dir' | 'errorLog' | 'endSignal'> & { readonly dir: string },
): Promise<StartedProcess> {
  const errorLog = join(options.dir, 'output.txt');
  return await startProcess(place, { ...options, errorLog, endSignal: 'SIGTERM', ownSession: true });
}

const spawnFcgi: FormerProgram = {
  name: 'spawn-fcgi',
  needs: ['spawn-fcgi', 'php-cgi'],
  ...PHP,
  advice: /`kill \d+ \d+` ends what is left/,
  async start(place, address) {
    const dir = ownDirectory(place, 'spawn-fcgi');
    const pidFile = join(dir, 'pid');
    const [host = '', port = ''] = address.split(':');
    const where = isPath(address) ? ['-s', address, '-M', '0666'] : ['-a', host, '-p', port];
    const { code, stderr } = await runCommand(
      'spawn-fcgi',
      [...where, '-u', USER, '-g', USER, '-F', '2', '-P', pidFile, '--', '/usr/bin/php-cgi'],
      { env: { ...process.env, ...ENDLESS } },
    );
    if (code !== 0) throw new Error(`spawn-fcgi: ${stderr}`);
    const pids = readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
    place.defer(() => killAll(pids));
    return { pid: pids[0] ?? 0, end: () => killAll(pids) };
  },
};

const fcgiwrap: FormerProgram = {
  name: 'fcgiwrap',
  needs: ['fcgiwrap', 'setpriv'],
  script: 'sh/storm.cgi',
  command: ['/usr/sbin/fcgiwrap'],
  advice: /`kill \d+ \d+ \d+ \d+ \d+` ends what is left/,
  async start(place, address) {
    const dir = ownDirectory(place, 'fcgiwrap');
    const started = await startManager(place, {
      command: 'setpriv',
      args: [...AS_USER, '/usr/sbin/fcgiwrap', '-c', '4', '-s', `unix:${address}`],
      dir,
    });
    place.defer(() => killAll([started.pid]));
    return { pid: started.pid, end: () => killAll([started.pid]) };
  },
};

const supervisord: FormerProgram = {
  name: 'supervisord',
  needs: ['supervisord', 'php-cgi'],
  ...PHP,
  advice: /`supervisorctl stop 'www:\*'`/,
  async start(place, address) {
    const dir = ownDirectory(place, 'supervisord');
    const file = join(dir, 'supervisord.conf');
    const control = join(place.dir, 'supervisor.ctl');
    const lines = [
      '[unix_http_server]',
      `file = ${control}`,
      '[rpcinterface:supervisor]',
      'supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface',
      '[supervisorctl]',
      `serverurl = unix://${control}`,
      '[supervisord]',
      `logfile = ${join(dir, 'supervisord.log')}`,
      `pidfile = ${join(dir, 'supervisord.pid')}`,
      '[fcgi-program:www]',
      'command = /usr/bin/php-cgi',
      'process_name = %(program_name)s_%(process_num)02d',
      'numprocs = 2',
      `user = ${USER}`,
      'environment = PHP_FCGI_MAX_REQUESTS="0"',
      ...(isPath(address)
        ? [`socket = unix://${address}`, 'socket_mode = 0666']
        : [`socket = tcp://${address}`]),
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const { pid } = await startManager(place, { command: 'supervisord', args: ['-n', '-c', file], dir });
    return {
      pid,
      async end() {
        const { code, stdout } = await runCommand('supervisorctl', ['-c', file, 'stop', 'www:*']);
        if (code !== 0) throw new Error(`supervisorctl: ${stdout}`);
      },
    };
  },
};

/** SIGKILL of whoever has nothing in hand: its master has no time to remove the path of our socket. */
const phpFpm: FormerProgram = {
  name: 'php-fpm',
  needs: ['php-fpm'],
  ...PHP,
  advice: /removes the path of a Unix socket when it stops.*`kill -QUIT \d+`.*`kill -KILL \d+ \d+ \d+`/,
  async start(place, address) {
    const dir = ownDirectory(place, 'php-fpm');
    const file = join(dir, 'php-fpm.conf');
    const lines = [
      '[global]',
      'daemonize = no',
      `error_log = ${join(dir, 'error.log')}`,
      '[www]',
      ...['user', 'group', 'listen.owner', 'listen.group'].map(key => `${key} = ${USER}`),
      `listen = ${address}`,
      'pm = static',
      'pm.max_children = 2',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const command = findPhpFpm() ?? findProgram('php-fpm') ?? 'php-fpm';
    const { pid } = await startManager(place, { command, args: ['-n', '--fpm-config', file], dir });
    return { pid, end: () => killAll([pid]) };
  },
};

export const FORMER = { spawnFcgi, fcgiwrap, supervisord, phpFpm } as const;
