/** `fpm-ts serve`. */
import type { Command } from 'commander';
import { askedPool } from './asked-pool.ts';
import { globals } from './context.ts';
import { example } from './example.ts';
import { output } from './output.ts';

interface ServeOptions {
  readonly http: string;
}

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('A small HTTP front for a pool, for trying things out without a web server.')
    .argument('<pool>')
    .option('--http <address>', 'where to listen; a port that is taken is passed over', '127.0.0.1:8080')
    .addHelpText('after', example('fpm-ts serve www --http 127.0.0.1:8080'))
    .action(async (pool: string, options: ServeOptions, command: Command) => {
      const { runFront } = await import('../client/run-front.ts');
      process.exitCode = await runFront(await askedPool(globals(command), pool), options, {
        stdout: output('stdout'),
        stderr: output('stderr'),
      });
    });
}
