/**
 * Hundreds of pools: what each thing that is done to all of them costs, beside php-fpm with the same pools, and how
 * that grows with their number. php-fpm has no supervisor apart, no adoption and no upgrade.
 */
import type { Place } from '../lib/place.ts';
import { openInner } from '../lib/place.ts';
import { type Benchmark, type Effort, type Report, ratio } from './benchmark.ts';
import type { Contestant } from './pools-field.ts';
import { fpmTs } from './pools-fpm-ts.ts';
import { MEASURES, type Measure, START, start } from './pools-measures.ts';
import { phpFpm } from './pools-php-fpm.ts';
import { measureRound, type Round, type Value, valueText } from './pools-rounds.ts';

const WORKERS = 4;
const ONE_POOL_WORKERS = 200;
const CONTESTANTS: readonly Contestant[] = [fpmTs, phpFpm];

type Row = Pick<Measure, 'name' | 'unit' | 'target'>;

const ROWS: readonly Row[] = [{ name: START, unit: 'ms', target: { timesPhpFpm: 2 } }, ...MEASURES];
const ONE_POOL: Row = {
  name: `one pool of ${ONE_POOL_WORKERS}: until all accept`,
  unit: 'ms',
  target: { atMost: 500 },
};

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const rounds: Round[] = [];
  const reports: Report[] = [await onePool(place)];
  for (const pools of effort.poolCounts) {
    const options = { pools, workers: WORKERS, idleSeconds: effort.idleSeconds };
    const pair: Round[] = [];
    for (const contestant of CONTESTANTS) pair.push(await measureRound(place, contestant, options));
    rounds.push(...pair);
    reports.push(compare(pair));
  }
  return [...reports, growth(rounds, effort.poolCounts)];
}

async function onePool(outer: Place): Promise<Report> {
  const values: Value[] = [];
  for (const contestant of CONTESTANTS) {
    const place = openInner(outer, `one-pool-${contestant.name}`);
    const shape = { pools: 1, workers: ONE_POOL_WORKERS, mode: 'static' } as const;
    const { ms } = await start(place, await contestant.open(place, shape), ONE_POOL_WORKERS);
    values.push(ms);
    await place.close();
  }
  return table(`one pool of ${ONE_POOL_WORKERS} static workers on TCP, once`, [row(ONE_POOL, values)], []);
}

function compare(pair: readonly Round[]): Report {
  const rows = ROWS.map(it =>
    row(
      it,
      pair.map(({ values }) => values.get(it.name) ?? null),
    ),
  );
  const title = `${pair[0]?.pools} pools of ${WORKERS} workers on TCP, once`;
  return table(
    title,
    rows,
    pair.flatMap(({ remarks }) => remarks),
  );
}

function table(title: string, rows: readonly string[][], notes: readonly string[]): Report {
  return { title, head: ['', 'fpm-ts', 'php-fpm', 'ratio', 'target', ''], rows, notes };
}

function row(it: Row, [ours = null, theirs = null]: readonly Value[]): string[] {
  const isComparable = typeof ours === 'number' && typeof theirs === 'number' && theirs > 0;
  return [
    it.name,
    valueText(it, ours),
    valueText(it, theirs),
    isComparable && it.unit !== 'failed' ? ratio(ours / theirs) : '-',
    targetText(it),
    isMet(it, ours, theirs) ? 'met' : 'MISSED',
  ];
}

function targetText({ target, unit }: Row): string {
  return 'atMost' in target
    ? `<= ${valueText({ unit }, target.atMost)}`
    : `<= ${target.timesPhpFpm} x php-fpm`;
}

function isMet({ target }: Row, ours: Value, theirs: Value): boolean {
  if (typeof ours !== 'number') return false;
  if ('atMost' in target) return ours <= target.atMost;
  return typeof theirs === 'number' && ours <= target.timesPhpFpm * theirs;
}

/** Time over pools: linear or better is what the last column says of the first number and the last. */
function growth(rounds: readonly Round[], counts: readonly number[]): Report {
  const rows = CONTESTANTS.flatMap(({ name }) =>
    ROWS.flatMap(it => {
      const values = counts.map(
        count =>
          rounds.find(round => round.contestant === name && round.pools === count)?.values.get(it.name) ??
          null,
      );
      return values.every(value => value === null)
        ? []
        : [[`${name}: ${it.name}`, ...values.map(value => valueText(it, value)), slope(values, counts)]];
    }),
  );
  return {
    title: 'the same, over the number of pools',
    head: ['', ...counts.map(String), 'growth'],
    rows,
    notes: [
      'growth: exponent of the time over the pools from the first number to the last; 1 is linear, less is better',
    ],
  };
}

function slope(values: readonly Value[], counts: readonly number[]): string {
  const [first, last] = [values.at(0), values.at(-1)];
  const [few = 1, many = 1] = [counts.at(0), counts.at(-1)];
  if (typeof first !== 'number' || typeof last !== 'number' || first <= 0 || last <= 0 || few === many)
    return '-';
  return (Math.log(last / first) / Math.log(many / few)).toFixed(2);
}

export const pools: Benchmark = {
  name: 'pools',
  subject: `many pools of ${WORKERS} workers: fpm-ts and php-fpm`,
  needs: ['gcc', 'libfcgi', 'php-fpm'],
  run,
};
