/**
 * So many requests at once to a pool that has two workers or none: how long until the last one is answered. The
 * workers sleep over each request, so that only the number of workers counts.
 */
import { burst as burstOf } from '../lib/http-load.ts';
import { openJournal } from '../lib/journal.ts';
import { openInner, type Place } from '../lib/place.ts';
import { openSite, type Site } from '../lib/storm.ts';
import { openField, PROGRAMS, type StormProgram } from '../lib/storm-pools.ts';
import { type Benchmark, type Effort, inTurn, median, type Report, ratio, spread } from './benchmark.ts';
import { startPhpFpm } from './peers.ts';
import { untilListening } from './php-fpm.ts';
import { wakeReport } from './wake.ts';

const REQUESTS = 64;
const REQUEST_MS = 500;

type Mode = 'dynamic' | 'ondemand';

/** The budgets of scaling. */
const TARGET_SECONDS: Readonly<Record<Mode, number>> = { dynamic: 1.0, ondemand: 1.2 };

/** As php-fpm's administrators write it, for both. */
const PM: Readonly<Record<Mode, Readonly<Record<string, string | number>>>> = {
  dynamic: { 'pm.start_servers': 2, 'pm.min_spare_servers': 2, 'pm.max_spare_servers': 4 },
  ondemand: {},
};

interface Contestant {
  readonly name: string;
  readonly mode: Mode;
  /** The target is for it: php-cgi takes longer to start than php-fpm's children, which are forks. */
  readonly isAimed: boolean;
  readonly open: (place: Place) => Promise<Site>;
  readonly seconds: number[];
  readonly failed: number[];
}

function fpmTs(mode: Mode, program: StormProgram): Contestant {
  const keys = { 'pm.mode': mode, ...PM[mode], 'pm.max_children': REQUESTS };
  // As many requests as workers are allowed: there is nothing to spare.
  const daemon = { expectedLog: [/maxChildrenReached/] };
  const options = { program, transport: 'unix' as const, keys, daemon };
  const open = async (place: Place): Promise<Site> => (await openField(place, options)).site;
  return {
    name: `fpm-ts, ${program.name}`,
    mode,
    isAimed: program === PROGRAMS.plain,
    open,
    seconds: [],
    failed: [],
  };
}

function phpFpm(mode: Mode): Contestant {
  const pm = [`pm = ${mode}`, ...Object.entries(PM[mode]).map(([key, value]) => `${key} = ${value}`)];
  const open = async (place: Place): Promise<Site> => {
    const { socket } = await startPhpFpm(place, { children: REQUESTS, pm });
    await untilListening(socket);
    return openSite(place, { nginx: `unix:${socket}`, fpmTs: socket }, openJournal(place));
  };
  return { name: 'php-fpm', mode, isAimed: false, open, seconds: [], failed: [] };
}

async function measure(outer: Place, round: number, contestant: Contestant): Promise<void> {
  const place = openInner(outer, `${round}`);
  const site = await contestant.open(place);
  const { seconds, failures } = await burstOf(site.url, REQUESTS, REQUEST_MS);
  contestant.seconds.push(seconds);
  contestant.failed.push(failures.length);
  await place.close();
}

function row(contestant: Contestant, theirs: Contestant): string[] {
  const { name, mode, isAimed, seconds, failed } = contestant;
  const isMet = median(seconds) <= TARGET_SECONDS[mode];
  return [
    `${mode}: ${name}`,
    spread(seconds, value => `${value.toFixed(2)} s`),
    ratio(median(seconds) / median(theirs.seconds)),
    isAimed ? `${TARGET_SECONDS[mode].toFixed(1)} s: ${isMet ? 'met' : 'MISSED'}` : '',
    String(failed.reduce((sum, value) => sum + value, 0)),
  ];
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const modes: readonly Mode[] = ['dynamic', 'ondemand'];
  const contests = modes.map(mode => ({
    theirs: phpFpm(mode),
    ours: [fpmTs(mode, PROGRAMS.plain), fpmTs(mode, PROGRAMS.php)],
  }));
  const rounds = Math.ceil(effort.rounds / 4);
  const all = contests.flatMap(({ theirs, ours }) => [theirs, ...ours]);
  for (const [round, each] of inTurn(all, rounds).flat().entries()) await measure(place, round, each);
  return [
    await wakeReport(place, effort.rounds),
    {
      title: `${REQUESTS} requests of ${REQUEST_MS} ms at once, at most ${REQUESTS} workers, ${rounds} times`,
      head: ['', 'until the last answer', 'ratio to php-fpm', 'target', 'failed'],
      rows: contests.flatMap(({ theirs, ours }) => [theirs, ...ours].map(each => row(each, theirs))),
      notes: [`The ideal is ${(REQUEST_MS / 1000).toFixed(2)} s. Less is better.`],
    },
  ];
}

export const burst: Benchmark = {
  name: 'burst',
  subject:
    'many requests at once to php-fpm and fpm-ts, dynamic with 2 spare workers and on demand from zero',
  needs: ['nginx', 'gcc', 'php-cgi', 'php-fpm'],
  run,
};
