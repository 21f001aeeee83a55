/** The command line: what commands there are, and how each ends. */
import { Command, CommanderError } from 'commander';
import { EXIT, FpmError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { registerCgi } from './cgi.ts';
import { registerCheck } from './check.ts';
import { registerConfig } from './config.ts';
import { printJson } from './context.ts';
import { registerControlCommands } from './control-commands.ts';
import { example } from './example.ts';
import { registerInit } from './init.ts';
import { registerLogs } from './logs.ts';
import { registerObserve } from './observe.ts';
import { write } from './output.ts';
import { registerPoolNames } from './pool-names.ts';
import { registerProcesses } from './processes.ts';
import { registerRequest } from './request.ts';
import { registerServe } from './serve.ts';
import { registerSimulate } from './simulate.ts';
import { isSpawn, registerSpawn } from './spawn.ts';
import { usageMessage } from './usage-error.ts';

/** @param entry the file that was started, for the processes that are started with it again */
export async function main(argv: readonly string[], entry: string): Promise<void> {
  const program = createProgram(entry);
  if (isSpawn(argv.slice(2))) program.enablePositionalOptions();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = await report(error, program, argv);
  }
}

export function createProgram(entry: string): Command {
  const program = new Command('fpm-ts')
    .description('Runs pools of FastCGI and SCGI programs behind nginx, lighttpd and Apache.')
    .version(VERSION, '-V, --version')
    .option('-c, --config <file>', 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)')
    .option('--json', 'print results and errors as JSON')
    .configureOutput({
      writeOut: text => write('stdout', text),
      writeErr: text => void (argvWantsJson() || write('stderr', text)),
      outputError: () => {}, // report() does
    })
    .addHelpText(
      'after',
      example('fpm-ts -c /etc/fpm-ts/fpm-ts.toml start', 'fpm-ts status', 'fpm-ts reload www'),
    )
    .exitOverride();
  registerControlCommands(program, entry);
  registerCheck(program);
  registerConfig(program);
  registerLogs(program);
  registerRequest(program);
  registerServe(program);
  registerObserve(program);
  registerSimulate(program);
  registerCgi(program);
  registerSpawn(program, entry);
  registerInit(program, entry);
  registerPoolNames(program);
  registerProcesses(program, entry);
  return program;
}

function argvWantsJson(): boolean {
  return process.argv.includes('--json');
}

/** What a user did is told in words; a stack trace is for what we did. */
async function report(error: unknown, program: Command, argv: readonly string[]): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok; // --help, --version
  const shown = toFpmError(error, program, argv);
  if (argv.includes('--json')) {
    const { errorBody } = await import('../keeper/supervision/error-body.ts');
    printJson(errorBody(shown));
  } else if (!(error instanceof CommanderError) || error.code !== 'commander.help') {
    write('stderr', `fpm-ts: ${shown.message}\n`);
  }
  return shown.exitCode;
}

function toFpmError(error: unknown, program: Command, argv: readonly string[]): FpmError {
  if (error instanceof FpmError) return error;
  if (error instanceof CommanderError) return new FpmError('USAGE', usageMessage(error, program, argv));
  if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd')
    return new FpmError('FAILED', 'the directory that this was called in was deleted: `cd` to another one');
  return new FpmError('FAILED', error instanceof Error ? (error.stack ?? error.message) : String(error));
}
