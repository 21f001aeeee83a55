/**
 * `npm run fuzz [-- --inputs N] [--seed S] [--first INDEX] [--workers 1|2]`: mutated captures and fixtures through the
 * readers of both protocols and of CGI responses. What fails is saved and its number said; the same seed gives the
 * same inputs, so that `--seed S --first INDEX --inputs 1` is that input again. With `--live` (after a build) the
 * inputs go over sockets to responders that are processes, N to each protocol.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openPlace, type Place } from '../lib/place.ts';
import { makeInput } from './inputs.ts';
import { fuzzLive } from './live.ts';
import type { Progress, Share } from './messages.ts';

/** A reader that takes this long for the inputs of one report, which take half a second, hangs. */
const HANGS_AFTER_MS = 60_000;
/** A worker holds what it fuzzes with and one input; more is the reader's. */
const HEAP_MEGABYTES = 192;
const PRINT_EVERY_MS = 10_000;
const MAX_SAVED = 20;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 0x7fff_ffff) },
    first: { type: 'string', default: '0' },
    workers: { type: 'string', default: '2' },
    live: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const first = Number(values.first);
const inputs = Number(values.inputs);
const workers = Math.min(Number(values.workers), inputs);

const total = { inputs: 0, bytes: 0, failures: 0, outcomes: new Map<string, number>() };
const peaks = new Map<number, number>();
const startMs = performance.now();

function fail(place: Place, index: number, text: string): void {
  total.failures += 1;
  if (total.failures > MAX_SAVED) return;
  const { target, bytes } = makeInput(seed, index);
  const file = join(place.dir, `${target}-${seed}-${index}.bin`);
  writeFileSync(file, bytes);
  console.log(
    `input ${index}: ${text}\n  saved as ${file}; again: --seed ${seed} --first ${index} --inputs 1`,
  );
}

function add(place: Place, worker: number, progress: Progress): void {
  total.inputs += progress.inputs;
  total.bytes += progress.bytes;
  peaks.set(worker, progress.peakBytes);
  for (const [outcome, count] of Object.entries(progress.outcomes)) {
    total.outcomes.set(outcome, (total.outcomes.get(outcome) ?? 0) + count);
  }
  for (const { index, text } of progress.failures) fail(place, index, text);
}

function printProgress(): void {
  const seconds = (performance.now() - startMs) / 1000;
  const peak = Math.max(0, ...peaks.values());
  console.log(
    [
      `${total.inputs.toLocaleString('en')} inputs`,
      `${Math.round(total.inputs / seconds).toLocaleString('en')}/s`,
      `${Math.round(total.bytes / 1e6).toLocaleString('en')} MB`,
      `peak memory of a worker ${Math.round(peak / 1e6)} MB`,
      `${total.failures} failures`,
    ].join(', '),
  );
}

/** Resolves when the worker has done its share; a death or a hang is a failure of the input that it was at. */
async function runWorker(place: Place, worker: number): Promise<void> {
  const currentFile = join(place.dir, `worker-${worker}`);
  const share: Share = { seed, first: first + worker, end: first + inputs, step: workers, currentFile };
  const child = fork(join(import.meta.dirname, 'worker.ts'), [JSON.stringify(share)], {
    execArgv: ['--import', 'tsx', `--max-old-space-size=${HEAP_MEGABYTES}`, '--max-semi-space-size=16'],
  });
  let hasHung = false;
  const watch = setTimeout(() => {
    hasHung = true;
    child.kill('SIGKILL');
  }, HANGS_AFTER_MS);
  child.on('message', message => {
    watch.refresh();
    add(place, worker, message as Progress);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(watch);
  if (code === 0) return;
  const current = readFileSync(currentFile);
  const index = current.length === 8 ? current.readDoubleLE() : first;
  fail(place, index, hasHung ? 'it does not come to an end' : `the worker ended with ${signal ?? code}`);
}

async function fuzzReaders(place: Place): Promise<void> {
  console.log(`seed ${seed}, ${inputs.toLocaleString('en')} inputs from ${first}, ${workers} workers`);
  const printing = setInterval(printProgress, PRINT_EVERY_MS);
  await Promise.all(Array.from({ length: workers }, (_, worker) => runWorker(place, worker)));
  clearInterval(printing);
  for (const [outcome, count] of [...total.outcomes].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`  ${outcome}: ${count.toLocaleString('en')}`);
  }
  printProgress();
}

async function fuzzResponders(place: Place): Promise<void> {
  console.log(
    `seed ${seed}, ${inputs.toLocaleString('en')} inputs from ${first} to a responder of each protocol`,
  );
  for (const protocol of ['fastcgi', 'scgi'] as const) {
    const beganMs = performance.now();
    try {
      const { lines, peakBytes } = await fuzzLive(place, protocol, { seed, first, inputs });
      const perSecond = Math.round((inputs * 1000) / (performance.now() - beganMs));
      console.log(
        `${protocol}: ${perSecond}/s, ${lines} lines, peak memory ${Math.round(peakBytes / 1e6)} MB`,
      );
    } catch (error) {
      total.failures += 1;
      console.log(error);
    }
  }
}

const place = openPlace('fpm-ts-fuzz-');
try {
  await (values.live ? fuzzResponders(place) : fuzzReaders(place));
} finally {
  await place.close(total.failures > 0);
}
process.exitCode = total.failures > 0 ? 1 : 0;
