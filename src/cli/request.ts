/** `fpm-ts request`. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Command, InvalidArgumentError } from 'commander';
import { askedPool } from './asked-pool.ts';
import { globals } from './context.ts';
import { example } from './example.ts';
import { output } from './output.ts';

interface RequestOptions {
  readonly method?: string;
  readonly header: readonly string[];
  readonly data?: string;
  readonly include?: boolean;
  readonly raw?: boolean;
  readonly timeout?: number;
}

export function registerRequest(program: Command): void {
  program
    .command('request')
    .description(
      'Send one request to a pool, as a web server would, and print the answer. Exits with 1 when its status is 400 or more.',
    )
    .argument('<pool>')
    .argument('<path>', 'path and query, such as /index.php?a=1')
    .option('-X, --method <method>', 'GET, or POST when there is data')
    .option(
      '-H, --header <header>',
      '`Name: value`; may be repeated',
      (header, all: string[]) => [...all, header],
      [],
    )
    .option('-d, --data <data>', 'the body; @FILE reads it from a file, @- from standard input')
    .option('-i, --include', 'print status and headers as well')
    .option('--raw', 'the body as it is on a terminal, too, where control characters are shown otherwise')
    .option('--timeout <seconds>', 'how long the program may be silent; 0 is no limit', seconds)
    .addHelpText(
      'after',
      example('fpm-ts request www /index.php', "fpm-ts request www '/form.php?id=1' -d 'name=x' -i"),
    )
    .action(async (pool: string, target: string, options: RequestOptions, command: Command) => {
      const common = globals(command);
      const { runRequest } = await import('../client/run-request.ts');
      const request = {
        target,
        method: options.method,
        headers: options.header,
        body: bodyOf(options.data),
        include: options.include,
        raw: options.raw,
        json: common.json,
        timeoutMs: options.timeout,
      };
      process.exitCode = await runRequest(await askedPool(common, pool), request, {
        stdout: process.stdout, // it looks at its errors itself
        stderr: output('stderr'),
      });
    });
}

function bodyOf(data: string | undefined): Buffer | Readable | null {
  if (data === undefined) return null;
  if (data === '@-') return process.stdin;
  return data.startsWith('@') ? createReadStream(data.slice(1)) : Buffer.from(data);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0) || text.trim() === '') throw new InvalidArgumentError('It must be a number of seconds.');
  return value * 1000;
}
