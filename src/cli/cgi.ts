/** `fpm-ts cgi`: the command of a pool that runs CGI scripts. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs, parseSizeBytes } from '../config/values.ts';
import { SERVER_PROTOCOLS } from '../protocols/names.ts';
import type { CgiOptions } from './cgi/settings.ts';
import { example } from './example.ts';
import { write } from './output.ts';

export function registerCgi(program: Command): void {
  program
    .command('cgi')
    .description(
      'Run CGI scripts behind FastCGI or SCGI: the command of a pool, which accepts on descriptor 0.',
    )
    .option('--root <directory>', 'scripts may stand in here and below; may be said several times', all)
    .addOption(
      new Option('--protocol <name>', 'what the web server speaks')
        .choices(SERVER_PROTOCOLS)
        .default('fastcgi'),
    )
    .option('--extension <suffix>', 'run only files that end so, .cgi for one; several times', all)
    .option(
      '--program <file>',
      'run only this file, where no --root is said wherever it stands; several times',
      all,
    )
    .option(
      '--interpreter <suffix=program>',
      'what runs files that end so and do not run by themselves: .pl=/usr/bin/perl; several times',
      all,
    )
    .option(
      '--script-paths',
      'scripts see their path in $0, where a file could be exchanged in the last moment',
    )
    .option(
      '--user <user>',
      'as root: become this user before the first request (nobody where none is named)',
    )
    .option('--env <name=value>', 'a variable for every script; several times', all)
    .option('--pass-env <name>', 'the same with the value that it has here; several times', all)
    .addOption(numbered('--max-scripts', 'scripts that run at once; 0: no limit', 64))
    .addOption(numbered('--max-per-script', 'processes of one and the same script at once; 0: no limit', 0))
    .addOption(numbered('--max-queue', 'requests that may wait for that; others are answered with 503', 256))
    .addOption(timed('--timeout', 'how long a script may run, then 504; 0: no limit', '0'))
    .addOption(timed('--kill-after', 'from SIGTERM to SIGKILL, for a script that has to end', '5s'))
    .addOption(
      timed('--max-cpu-time', 'CPU time of each process of a script, in full seconds; 0: no limit', '0'),
    )
    .addOption(sized('--max-memory', 'address space of each process of a script; 0: no limit', '0'))
    .addOption(sized('--max-file-size', 'size of a file that a script writes; 0: no limit', '0'))
    .addOption(sized('--max-params', 'all variables of a request', '1M'))
    .addHelpText(
      'after',
      example(
        'fpm-ts cgi --root /usr/lib/cgi-bin --timeout 60s',
        'fpm-ts cgi --root /srv/cgi --extension .cgi --interpreter .pl=/usr/bin/perl --user www-data',
        'fpm-ts cgi --protocol scgi --program /usr/lib/git-core/git-http-backend --env GIT_PROJECT_ROOT=/srv/git',
      ),
    )
    .action(async (options: CgiOptions) => {
      // All of it before root is given up: a clone in /root is root's alone to read.
      const [{ settingsOf }, { runCgiHost }] = await Promise.all([
        import('./cgi/settings.ts'),
        import('../responders/cgi/host.ts'),
      ]);
      const { settings, notices } = settingsOf(options, process.env, process.getuid?.() ?? 0);
      for (const notice of notices) write('stderr', `fpm-ts cgi: ${notice}\n`);
      process.exitCode = await runCgiHost(settings);
    });
}

function all(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function numbered(flag: string, help: string, value: number): Option {
  return new Option(`${flag} <number>`, help).argParser(wholeNumber).default(value);
}

function timed(flag: string, help: string, value: string): Option {
  return new Option(`${flag} <duration>`, help).argParser(durationMs).default(durationMs(value), value);
}

function sized(flag: string, help: string, value: string): Option {
  return new Option(`${flag} <size>`, help).argParser(sizeBytes).default(sizeBytes(value), value);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number up to 999999.');
  return Number(text);
}

function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) throw new InvalidArgumentError('It must be a duration: 500ms, 10s, 5m, 1h, or seconds.');
  return ms;
}

function sizeBytes(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === null) throw new InvalidArgumentError('It must be a size: 64K, 256M, 1G, or bytes.');
  return bytes;
}
