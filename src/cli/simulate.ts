/** `fpm-ts simulate`: what an access log would have met with this sizing of a pool, and with neighbouring ones. */
import { createReadStream } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../config/values.ts';
import { FpmError } from '../errors.ts';
import type { Simulation } from '../pool/simulation/simulate.ts';
import { DEFAULT_FORMAT, departure, lineReader, NGINX_LINES, Spread } from './access-log.ts';
import { columns } from './columns.ts';
import { globals, poolConfig, print, printJson } from './context.ts';
import { example } from './example.ts';

interface SimulateOptions {
  readonly log: string;
  readonly format: string;
  readonly startTime: number;
}

interface Replay {
  readonly lines: number;
  /** Lines that no upstream had, and lines that could not be read. */
  readonly notUpstream: number;
  readonly unreadable: number;
  readonly firstUnreadable: string | null;
  readonly isCoarse: boolean;
}

interface Row {
  readonly sizing: string;
  readonly outcome: ReturnType<Simulation['finish']>;
}

export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description(
      "Replay an nginx access log through a pool's scaling, for its sizing and for neighbouring ones.",
    )
    .argument('<pool>')
    .requiredOption('--log <file>', 'the access log, with request times; - reads standard input')
    .option('--format <log_format>', 'its log_format, as in nginx.conf', DEFAULT_FORMAT)
    .addOption(
      new Option('--start-time <duration>', 'how long a worker takes until it accepts')
        .argParser(duration)
        .default(50, '50ms'),
    )
    .addHelpText(
      'after',
      `\nWhat the default format stands for, as lines of nginx.conf:\n  ${NGINX_LINES.replaceAll('\n', '\n  ')}\n${example(
        'fpm-ts simulate www --log /var/log/nginx/www.log',
        'zcat www.log.1.gz | fpm-ts simulate www --log - --start-time 200ms',
      )}`,
    )
    .action(async (name: string, options: SimulateOptions, command: Command) => {
      const common = globals(command);
      const pool = await poolConfig(common, name);
      const [{ neighbours }, { policyOf }, { Simulation }] = await Promise.all([
        import('../pool/simulation/neighbours.ts'),
        import('../pool/scaling/policy.ts'),
        import('../pool/simulation/simulate.ts'),
      ]);
      const sizings = neighbours(policyOf(pool.pm, null)).map(({ name: sizing, policy }) => {
        const simulation = new Simulation({
          policy,
          startMs: options.startTime,
          backlog: pool.listen.backlog,
        });
        return { sizing, simulation };
      });
      const replay = await replayLog(
        options,
        sizings.map(({ simulation }) => simulation),
      );
      const rows = sizings.map(({ sizing, simulation }) => ({ sizing, outcome: simulation.finish() }));
      if (common.json === true) printJson(toJson(name, replay, rows));
      else print(toText(replay, rows));
    });
}

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) throw new InvalidArgumentError('It must be a duration such as 50ms or 2s.');
  return ms;
}

/** @throws {FpmError} USAGE for a format or a log without times, FAILED for a log that cannot be read */
async function replayLog(
  { log, format }: SimulateOptions,
  simulations: readonly Simulation[],
): Promise<Replay> {
  const read = lineReader(format);
  if (typeof read === 'string') {
    throw new FpmError('USAGE', `--format does not say ${read}; write in nginx.conf:\n${NGINX_LINES}`);
  }
  const { Arrivals } = await import('../pool/simulation/arrivals.ts');
  const arrivals = new Arrivals(arrival => {
    for (const simulation of simulations) simulation.arrive(arrival);
  });
  const spread = new Spread(({ endMs, totalMs, serviceMs }) => arrivals.ended(endMs, totalMs, serviceMs));
  let [lines, notUpstream, unreadable] = [0, 0, 0];
  let firstUnreadable: string | null = null;
  let isCoarse = false;
  for await (const piece of linesOf(log)) {
    lines += piece.length;
    for (const line of piece) {
      const ended = read(line);
      if (ended === 'not-upstream') notUpstream++;
      else if (ended === null) {
        unreadable++;
        firstUnreadable ??= line;
      } else {
        isCoarse ||= ended.isCoarse;
        spread.take(ended);
      }
    }
  }
  spread.finish();
  arrivals.finish();
  const replay = { lines, notUpstream, unreadable, firstUnreadable, isCoarse };
  if (lines === notUpstream + unreadable) throw nothingRead(log, format, replay);
  return replay;
}

/** In pieces, as they were read: a line at a time would cost a promise each. */
async function* linesOf(log: string): AsyncGenerator<readonly string[]> {
  const input = log === '-' ? process.stdin : createReadStream(log);
  let rest = '';
  try {
    for await (const piece of input.setEncoding('utf8')) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      yield lines;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FpmError('FAILED', `cannot read the log: ${reason}`);
  }
  if (rest !== '') yield [rest];
}

function nothingRead(log: string, format: string, { lines, notUpstream, firstUnreadable }: Replay): FpmError {
  const name = log === '-' ? 'standard input' : log;
  if (lines === 0) return new FpmError('USAGE', `${name} is empty`);
  if (firstUnreadable === null)
    return new FpmError('USAGE', `none of the ${notUpstream} requests of ${name} went to an upstream`);
  return new FpmError(
    'USAGE',
    `${name} has no line of the format\n  ${format}\nits first line is\n  ${firstUnreadable.slice(0, 500)}\nwhich departs from it at ${departure(format, firstUnreadable)}\n` +
      `Pass its log_format with --format; when it has no times, write in nginx.conf and collect a new log:\n${NGINX_LINES}`,
  );
}

function toText({ lines, notUpstream, unreadable, isCoarse }: Replay, rows: readonly Row[]): string {
  const head = ['SIZING', 'WAIT p50 ms', 'p95', 'p99', 'REFUSED', 'WORKERS mean', 'max', 'SPAWNS'];
  const table = rows.map(({ sizing, outcome: { waitMs, refused, workers, spawns } }) => [
    sizing,
    waitMs.p50.toFixed(1),
    waitMs.p95.toFixed(1),
    waitMs.p99.toFixed(1),
    String(refused),
    workers.mean.toFixed(1),
    String(workers.max),
    String(spawns),
  ]);
  return [
    `${rows[0]?.outcome.requests ?? 0} requests of ${lines} lines`,
    ...(notUpstream > 0 ? [`${notUpstream} lines are of requests that no upstream had`] : []),
    ...(unreadable > 0 ? [`${unreadable} lines are not of this format and were left out`] : []),
    ...(isCoarse
      ? ['the log has times to the second: requests are spread over it; $msec would tell more']
      : []),
    '',
    columns([head, ...table]),
  ].join('\n');
}

function toJson(pool: string, replay: Replay, rows: readonly Row[]): unknown {
  return {
    pool,
    lines: replay.lines,
    not_upstream: replay.notUpstream,
    unreadable: replay.unreadable,
    coarse: replay.isCoarse,
    sizings: rows.map(({ sizing, outcome }) => ({
      sizing,
      requests: outcome.requests,
      refused: outcome.refused,
      wait_ms: outcome.waitMs,
      workers: outcome.workers,
      spawns: outcome.spawns,
    })),
  };
}
