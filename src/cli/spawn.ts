/** `fpm-ts spawn`: what spawn-fcgi does, from the same command line, and a supervisor for what it spawned. */
import type { Command } from 'commander';
import { VERSION } from '../version.ts';
import { globals } from './context.ts';
import { example } from './example.ts';
import { write } from './output.ts';
import type { SpawnOptions } from './spawn/command-line.ts';
import { REFUSED } from './spawn/refused.ts';

export function registerSpawn(program: Command, entry: string): void {
  program
    .command('spawn')
    .description('One pool without a configuration file, from the command line of spawn-fcgi.')
    .argument('[app...]', 'the FastCGI program and its arguments, behind --')
    .option('-f <command>', 'a command for /bin/sh instead of [app...]')
    .option('-d <directory>', 'change to this directory')
    .option('-a <address>', 'listen on this IPv4 or IPv6 address (default 0.0.0.0)')
    .option('-p <port>', 'listen on this TCP port')
    .option('-s <path>', 'listen on this Unix socket')
    .option('-M <mode>', 'permissions of the socket, octal (default 0660 less the umask)')
    .option('-C <children>', 'PHP_FCGI_CHILDREN of each worker, for PHP')
    .option('-F <children>', 'workers (default 1)')
    .option('-b <backlog>', 'connections that may wait (default 1024)')
    .option('-P <file>', 'file for the pid whose SIGTERM ends all of it; not with -n')
    .option('-n', 'stay in the foreground, for daemontools and their like')
    .option('-c <directory>', 'change the root to this directory (root only)')
    .option('-S', 'the socket is outside of that directory (root only)')
    .option('-u <user>', 'user of the workers (root only)')
    .option('-g <group>', "their group (root only; default the user's)")
    .option('-U <user>', 'owner of the socket (root only; default -u)')
    .option('-G <group>', 'group of the socket (root only; default that of -U, else -g)')
    .option('-v', 'show the version')
    .option('-?', 'show this help')
    .addHelpText(
      'after',
      example(
        'fpm-ts spawn -s /run/php.sock -u www-data -F 4 -P /run/php.pid -- /usr/bin/php-cgi',
        'fpm-ts spawn -n -p 9000 -a 127.0.0.1 -- /usr/bin/fcgiwrap',
      ),
    )
    .action(async (app: string[], options: SpawnOptions & Info, command: Command) => {
      if (options.v === true)
        return write('stdout', `fpm-ts ${VERSION}, for command lines of spawn-fcgi 1.6\n`);
      if (options['?'] === true) return command.outputHelp();
      if (app.length === 0 && Object.keys(options).length === 0) {
        command.outputHelp();
        process.exitCode = REFUSED;
        return;
      }
      const { spawn } = await import('./spawn/spawn.ts');
      await spawn(entry, options, app, globals(command).json === true);
    });
}

interface Info {
  readonly v?: boolean;
  readonly '?'?: boolean;
}

/**
 * Whether this command line is one of spawn's, in which `-c` and all else behind it is spawn-fcgi's.
 * @param args without the program
 */
export function isSpawn(args: readonly string[]): boolean {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '-c' || arg === '--config') at++;
    else if (!arg.startsWith('-')) return arg === 'spawn';
  }
  return false;
}
