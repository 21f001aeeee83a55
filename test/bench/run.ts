/**
 * `npm run bench [-- [--long] [--pools=N,...] NAME...]`: each benchmark compares side by side in this run and prints its ratios.
 * A missed target is printed, not an exit code: that is 1 when a benchmark could not be made.
 */
import { parseArgs } from 'node:util';
import { aptLine, missingPrograms } from '../lib/needs.ts';
import { openPlace } from '../lib/place.ts';
import { type Benchmark, type Effort, LONG, QUICK } from './benchmark.ts';
import { burst } from './burst.ts';
import { cgi } from './cgi.ts';
import { idle } from './idle.ts';
import { describeMachine } from './machine.ts';
import { murder } from './murder.ts';
import { php } from './php.ts';
import { pools } from './pools.ts';
import { printReport } from './print.ts';
import { start } from './start.ts';
import { storms } from './storm.ts';
import { throughput } from './throughput.ts';
import { tick } from './tick.ts';

const BENCHMARKS: readonly Benchmark[] = [
  throughput,
  cgi,
  start,
  php,
  idle,
  tick,
  burst,
  storms,
  murder,
  pools,
];

class Interrupted extends Error {}

/** Rejects on Ctrl-C, so that what runs is ended before we are. */
const interrupted = new Promise<never>((_resolve, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => reject(new Interrupted(`ended by ${signal}`)));
});
interrupted.catch(() => {}); // it may come between two benchmarks

async function runOne(benchmark: Benchmark, effort: Effort): Promise<void> {
  const missing = missingPrograms(benchmark.needs);
  if (missing.length > 0) {
    console.log(`${benchmark.name}: skipped, ${aptLine(missing)}\n`);
    return;
  }
  console.log(`${benchmark.name}: ${benchmark.subject}`);
  const place = openPlace('fpm-ts-bench-');
  let keep = false;
  try {
    const reports = await Promise.race([benchmark.run(place, effort), interrupted]);
    for (const report of reports) printReport(report);
  } catch (error) {
    keep = !(error instanceof Interrupted);
    throw error;
  } finally {
    if (await place.close(keep)) console.log(`kept for a look: ${place.dir}`);
  }
}

function help(): string {
  return [
    'npm run bench -- [--long] [--pools=N,...] [NAME...]',
    '',
    ...BENCHMARKS.map(({ name, subject }) => `  ${name.padEnd(12)}${subject}`),
    '',
    '  --long        more and longer rounds',
    `  --pools=1000  numbers of pools for "pools"; else ${QUICK.poolCounts.join(', ')}, with --long ${LONG.poolCounts.join(', ')}`,
  ].join('\n');
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      pools: { type: 'string' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(help());
    return 0;
  }
  const unknown = positionals.filter(name => !BENCHMARKS.some(benchmark => benchmark.name === name));
  if (unknown.length > 0) {
    console.error(
      `no benchmark ${unknown.join(', ')}; there are: ${BENCHMARKS.map(it => it.name).join(', ')}`,
    );
    return 64;
  }
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  console.log(`${describeMachine()}\n`);
  const effort = values.long ? LONG : QUICK;
  const poolCounts = values.pools?.split(',').map(Number) ?? effort.poolCounts;
  if (!poolCounts.every(count => Number.isInteger(count) && count > 0)) {
    console.error(`--pools=${values.pools}: numbers of pools, as in --pools=10,1000`);
    return 64;
  }
  for (const benchmark of chosen) await runOne(benchmark, { ...effort, poolCounts });
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// After an interruption the benchmark itself may still wait for something that does not come any more.
process.exit();
