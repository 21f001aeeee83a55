/** `fpm-ts observe`. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { FpmError } from '../errors.ts';
import { globals, print, printJson } from './context.ts';
import { example } from './example.ts';
import type { Observation } from './observe-look.ts';

interface ObserveOptions {
  readonly count?: number;
  readonly minSpare: number;
  readonly maxSpare: number;
  readonly maxChildren?: number;
}

const LINE_INTERVAL_MS = 1000;
/** As the supervisor does. */
const LOOKS_A_LINE = 10;
const IDLE_TIMEOUT_MS = 10_000;
const MAX_SPAWN_RATE = 128;

export function registerObserve(program: Command): void {
  program
    .command('observe')
    .description(
      "Show the queue, the connections and the busy workers of anybody's pool, and how many workers fpm-ts would have. Reads only, and needs no configuration; workers of other users are seen as root.",
    )
    .argument('<socket-or-port>', 'path, @NAME, PORT, IP:PORT or [IPv6]:PORT')
    .option(
      '-n, --count <lines>',
      'end after so many lines, one a second (else: when interrupted)',
      atLeastOne,
    )
    .option(
      '--min-spare <workers>',
      'pm.min_spare_servers of the dynamic pool that it is compared with',
      number,
      2,
    )
    .option('--max-spare <workers>', 'pm.max_spare_servers', number, 6)
    .option('--max-children <workers>', 'pm.max_children (else: no limit)', atLeastOne)
    .addHelpText(
      'after',
      example('fpm-ts observe /run/php/php8.2-fpm.sock', 'fpm-ts observe 9000 --count 10 --json'),
    )
    .action(async (address: string, options: ObserveOptions, command: Command) => {
      const isJson = globals(command).json === true;
      const observer = await startObserver(address, options);
      if (!isJson) print(HEAD);
      for (let line = 0; line < (options.count ?? Number.POSITIVE_INFINITY); line++) {
        for (let look = 0; look < LOOKS_A_LINE; look++) {
          if (line + look > 0) await delay(LINE_INTERVAL_MS / LOOKS_A_LINE);
          observer.look(performance.now());
        }
        const observation = observer.report(new Date());
        if (isJson) printJson(observation);
        else print(lineOf(observation));
      }
    });
}

async function startObserver(address: string, options: ObserveOptions) {
  const [{ Observer }, { ShadowPool }] = await Promise.all([
    import('./observe-look.ts'),
    import('../pool/simulation/shadow.ts'),
  ]);
  const shadow = new ShadowPool({
    mode: 'dynamic',
    minSpare: options.minSpare,
    maxSpare: Math.max(options.minSpare, options.maxSpare),
    startServers: options.minSpare,
    maxChildren: options.maxChildren ?? Number.POSITIVE_INFINITY,
    maxSpawnRate: MAX_SPAWN_RATE,
    workerConcurrency: 1,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    scaledTo: null,
  });
  const observer = new Observer(address, shadow);
  if (observer.isListening) return observer;
  throw new FpmError(
    'FAILED',
    `nobody listens on ${address}: see that the server runs; sockets of a container are seen from inside it`,
  );
}

const COLUMNS = ['TIME', 'QUEUE', 'MAX', 'LIMIT', 'CONNECTIONS', 'BUSY', 'WORKERS', 'FPM-TS'] as const;
const HEAD = `${row([...COLUMNS])}  WHY`;

function lineOf({ at, is_listening, queue, connections, workers, fpm_ts: ours }: Observation): string {
  const known = (value: number | null): string => (value === null ? '-' : String(value));
  const numbers = [
    queue.length,
    queue.max,
    queue.limit,
    connections,
    workers.busy,
    workers.total,
    ours.workers,
  ];
  const note = is_listening ? ours.reason : 'nobody listens';
  return `${row([at.slice(11, 19), ...numbers.map(known)])}  ${note}`;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(Math.max(i === 0 ? 8 : 5, COLUMNS[i]?.length ?? 0))).join('  ');
}

function number(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function atLeastOne(text: string): number {
  const value = number(text);
  if (value === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}
