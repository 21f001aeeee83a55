/** `fpm-ts logs`: the log and those of pools, from wherever they are, as lines for people. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, FpmError } from '../errors.ts';
import type { LineFormat } from '../keeper/output/log-format.ts';
import { jsonText } from '../printable.ts';
import { globals } from './context.ts';
import { example } from './example.ts';
import { levelOption, passes, sinceOf } from './logs/log-filter.ts';
import type { LogLine } from './logs/log-line.ts';
import type { LogReader } from './logs/log-reader.ts';
import { output, write } from './output.ts';

interface LogsOptions {
  /** Undefined: as many as there are since `--since`, or 100. */
  readonly lines?: number;
  readonly since?: number;
  readonly level?: number;
  readonly follow?: boolean;
}

interface OpenLog {
  readonly reader: LogReader;
  readonly isWanted: (line: string) => boolean;
  /** The own file of other pools than the one that was asked for: it can have older records of that one. */
  readonly isOthers: boolean;
}

/** How often a followed log is looked at. */
const LOOK_MS = 250;
const LINES = 100;

export function registerLogs(program: Command): void {
  program
    .command('logs')
    .description(
      'Show the last lines of the log and of the logs of pools, by time, as text for people; from a journal, print the journalctl line that shows them. Needs no running supervisor.',
    )
    .argument('[pool]', 'only records of this pool, from all files')
    .option('-n, --lines <count>', `how many lines (default: ${LINES}, with --since all)`, wholeNumber)
    .option('--since <time>', 'only records since then: a duration such as 10m, or a date and time', sinceOf)
    .option('--level <level>', 'only records of this level and above, such as warn', levelOption)
    .option('-f, --follow', 'continue with new lines, across rotation, until interrupted')
    .addHelpText(
      'after',
      example(
        'fpm-ts logs',
        'fpm-ts logs www -f',
        'fpm-ts logs --since 1h --level warn',
        'fpm-ts --json logs -n 1000',
      ),
    )
    .action(async (pool: string | undefined, options: LogsOptions, command: Command) => {
      const common = globals(command);
      const [{ logPlaces }, { LogReader }, { isOfPool }] = await Promise.all([
        import('./logs/log-places.ts'),
        import('./logs/log-reader.ts'),
        import('./logs/log-line.ts'),
      ]);
      const { files, notes } = await logPlaces(common, pool ?? null, unit => journalctl(unit, pool, options));
      const logs = [...files].map(([file, { pools }]) => ({
        reader: new LogReader(file),
        isWanted: (line: string) =>
          (pool === undefined || isOfPool(line, pool, pools?.join() === pool)) &&
          passes(line, { sinceMs: options.since, level: options.level }),
        isOthers: pool !== undefined && pools !== null && !pools.includes(pool),
      }));
      if (logs.every(it => it.isOthers)) throw new FpmError('FAILED', notes.join('; '));
      for (const note of notes) tell(note);
      const show = await printer(common.json === true);
      const readable = await showLast(logs, options, show);
      if (options.follow === true) await follow(readable, show);
    });
}

/** @returns those that can be followed. @throws {FpmError} when none can be read */
async function showLast(
  logs: readonly OpenLog[],
  { lines, since, follow: isFollowed }: LogsOptions,
  show: (lines: readonly string[]) => Promise<void>,
): Promise<readonly OpenLog[]> {
  const count = lines ?? (since === undefined ? LINES : Number.POSITIVE_INFINITY);
  const { byTime } = await import('./logs/by-time.ts');
  const { SEARCH_MAX_BYTES } = await import('./logs/last-lines.ts');
  const found: (readonly string[])[] = [];
  const refused: FpmError[] = [];
  const readable = logs.filter(({ reader, isWanted, isOthers }) => {
    try {
      const last = reader.last(count, isWanted);
      if (last === null && isFollowed !== true && !isOthers)
        refused.push(new FpmError('FAILED', `the log ${reader.file} does not exist (yet)`));
      if (last?.isCut === true)
        tell(`only the last ${SEARCH_MAX_BYTES / 1024 ** 2} MiB of ${reader.file} were searched`);
      found.push(last?.lines ?? []);
      return last !== null || isFollowed === true;
    } catch (error) {
      if (!(error instanceof FpmError)) throw error;
      if (!isOthers) refused.push(error);
      return false;
    }
  });
  const [first] = refused;
  if (first !== undefined && readable.length === 0) throw first;
  for (const { message } of refused) tell(message);
  if (first !== undefined) process.exitCode = first.exitCode || EXIT.failed;
  const sorted = byTime(found);
  await show(sorted.slice(Math.max(0, sorted.length - count)));
  return readable;
}

async function follow(
  logs: readonly OpenLog[],
  show: (lines: readonly string[]) => Promise<void>,
): Promise<never> {
  const { byTime } = await import('./logs/by-time.ts');
  for (;;) {
    const news = logs.map(({ reader }) => reader.next());
    await show(byTime(news.map((lines, i) => lines.filter(line => logs[i]?.isWanted(line)))));
    if (news.every(lines => lines.length === 0)) await delay(LOOK_MS);
  }
}

/** Everything that is printed was made safe for a terminal; its colours are to act there. */
async function printer(isJson: boolean): Promise<(lines: readonly string[]) => Promise<void>> {
  const [{ prettyFormat }, { logLine }] = await Promise.all([
    import('../keeper/output/log-format.ts'),
    import('./logs/log-line.ts'),
  ]);
  const stdout = output('stdout');
  const pretty = prettyFormat(stdout.isTTY === true && !process.env.NO_COLOR);
  const format: LineFormat = isJson ? line => jsonOf(logLine(line)) : pretty;
  return async lines => {
    for (const line of lines) if (!stdout.write(format(line))) await once(stdout, 'drain');
  };
}

function jsonOf({ record, text }: LogLine): string {
  return `${jsonText(record ?? { msg: text })}\n`;
}

function journalctl(
  unit: string,
  pool: string | undefined,
  { lines = LINES, follow: isFollowed }: LogsOptions,
): string {
  const all = `journalctl ${unit} -o cat`;
  const follows = isFollowed === true ? ' -f' : '';
  if (pool === undefined) return `${all} -n ${lines}${follows}`;
  const ofPool = `'"pool":"${pool}"'`;
  return isFollowed === true
    ? `${all} -f | grep --line-buffered ${ofPool}`
    : `${all} | grep ${ofPool} | tail -n ${lines}`;
}

function tell(text: string): void {
  write('stderr', `fpm-ts: ${text}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
