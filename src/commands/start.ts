/** `start` with names: stopped pools of a running supervisor. Without names the command line becomes the keeper. */
import { FpmError } from '../errors.ts';
import { command, namedPools, poolNames, type Z } from './command.ts';

const result = (z: Z) => z.strictObject({ started: poolNames(z) });

export const start = command({
  name: 'start',
  method: 'POST',
  summary: 'Start stopped pools.',
  http: 'Answers when they are ready.',
  isForPoolUsers: false,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args: namedPools,
  result,
  run: async ({ pools }, service) => {
    const named = pools.map(name => service.pool(name));
    throwFailures(await Promise.allSettled(named.map(pool => service.start(pool))));
    return { started: pools };
  },
  line: {
    summary: 'Run the supervisor in the foreground; with names, start stopped pools of a running one.',
    arguments: [{ form: '[pools...]', arg: 'pools', help: 'stopped pools' }],
    options: [
      {
        flags: '--daemonize',
        help: 'return when every pool is ready, or say why not; a log to stderr goes to RUN_DIR/fpm-ts.log',
      },
    ],
    examples: ['fpm-ts start', 'fpm-ts -c /srv/fpm-ts.toml start --daemonize', 'fpm-ts start www'],
  },
  text: ({ started }) => `started ${started.join(', ')}`,
});

/** @throws {FpmError} all that failed, a line each, under the code of the first */
function throwFailures(outcomes: readonly PromiseSettledResult<void>[]): void {
  const errors = outcomes.flatMap(it => (it.status === 'rejected' ? [it.reason as Error] : []));
  const [first] = errors;
  if (first === undefined) return;
  const code = first instanceof FpmError ? first.code : 'FAILED';
  throw new FpmError(code, errors.map(({ message }) => message).join('\n'));
}
