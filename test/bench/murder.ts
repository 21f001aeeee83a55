/** A random worker killed with -9 every 50 ms under load: what fails, and how long the pool is not whole. */
import { setTimeout as delay } from 'node:timers/promises';
import { openJournal } from '../lib/journal.ts';
import { murderer, unexplained, workersOf } from '../lib/murder.ts';
import { openInner, type Place } from '../lib/place.ts';
import { openSite, type Site, storm } from '../lib/storm.ts';
import { openField, PROGRAMS } from '../lib/storm-pools.ts';
import type { Benchmark, Effort, Report } from './benchmark.ts';
import { whole } from './benchmark.ts';
import { startPhpFpm } from './peers.ts';
import { untilListening } from './php-fpm.ts';

const WORKERS = 8;
const KILL_EVERY_MS = 50;
const LOOK_EVERY_MS = 5;
const CLIENTS = 32;

interface Contestant {
  readonly site: Site;
  readonly workers: () => readonly number[];
}

async function fpmTs(place: Place): Promise<Contestant> {
  const { daemon, site } = await openField(place, {
    program: PROGRAMS.plain,
    transport: 'unix',
    keys: { 'pm.max_children': WORKERS },
    daemon: { expectedLog: [/./] },
  });
  const { pid, supervisor_pid } = await daemon.status();
  return { site, workers: () => workersOf(pid, supervisor_pid) };
}

async function phpFpm(place: Place): Promise<Contestant> {
  const { pid, socket } = await startPhpFpm(place, { children: WORKERS });
  await untilListening(socket);
  const site = await openSite(place, { nginx: `unix:${socket}`, fpmTs: socket }, openJournal(place));
  return { site, workers: () => workersOf(pid, 0) };
}

interface Gaps {
  readonly longestMs: number;
  /** Of all looks, how many found too few workers. */
  readonly share: number;
}

/** Looks on until told to end; a worker counts from its fork on. */
function watchSize(workers: () => readonly number[]): () => Promise<Gaps> {
  let isEnding = false;
  let looks = 0;
  let short = 0;
  let longestMs = 0;
  let wholeAtMs = performance.now();
  const watching = (async () => {
    while (!isEnding) {
      const isWhole = workers().length >= WORKERS;
      const nowMs = performance.now();
      looks++;
      if (!isWhole) short++;
      longestMs = Math.max(longestMs, nowMs - wholeAtMs);
      if (isWhole) wholeAtMs = nowMs;
      await delay(LOOK_EVERY_MS);
    }
  })();
  return async () => {
    isEnding = true;
    await watching;
    return { longestMs, share: short / looks };
  };
}

async function measure(
  outer: Place,
  name: string,
  open: (place: Place) => Promise<Contestant>,
  seconds: number,
): Promise<{ readonly row: string[]; readonly notes: string[] }> {
  const place = openInner(outer, name);
  const { site, workers } = await open(place);
  const { strike, killed } = murderer(workers, KILL_EVERY_MS);
  const gaps = watchSize(workers);
  const isOver = (_times: number, elapsedMs: number): boolean => elapsedMs >= seconds * 1000;
  const result = await storm(place, site, { clients: CLIENTS, disturb: strike, isOver });
  const { longestMs, share } = await gaps();
  const complaints = unexplained(result.failures, site.journal.read(), killed);
  await place.close();
  return {
    row: [
      name,
      whole(killed.length),
      `${whole(result.sent)} (${whole(result.sent / result.seconds)}/s)`,
      whole(result.failures.length),
      complaints.length === 0 ? 'none' : whole(complaints.length),
      `${whole(longestMs)} ms (${(100 * share).toFixed(0)}% of the time)`,
    ],
    notes: complaints.slice(0, 5).map(complaint => `${name}: ${complaint}`),
  };
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const all = [
    await measure(place, 'php-fpm', phpFpm, effort.stormSeconds),
    await measure(place, 'fpm-ts', fpmTs, effort.stormSeconds),
  ];
  return [
    {
      title: `a random one of ${WORKERS} workers killed every ${KILL_EVERY_MS} ms for ${effort.stormSeconds} s, ${CLIENTS} connections`,
      head: ['', 'killed', 'requests', 'failed', 'of them not on killed ones', 'longest below its size'],
      rows: all.map(({ row }) => row),
      notes: all.flatMap(({ notes }) => notes),
    },
  ];
}

export const murder: Benchmark = {
  name: 'murder',
  subject: 'workers of php-fpm and fpm-ts killed at random',
  needs: ['nginx', 'gcc', 'php-fpm'],
  run,
};
