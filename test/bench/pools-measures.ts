/** What is measured of many pools, in the order in which it is done to them, each with its target (issue 11). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '../lib/place.ts';
import { untilAccepting } from './accepting.ts';
import { DEADLINE_MS, type Field, LOOK_EVERY_MS, type Mortal, TooLate, untilDone } from './pools-field.ts';
import { complaintOf, type PoolsLoad, startPoolsLoad } from './pools-load.ts';
import { cpuSeconds } from './usage.ts';

/** What the last start left to compile and to collect is over by then. */
/** After the start, Node compiles and collects for some seconds what the start needed. */
const SETTLED_MS = 15_000;

/** A few requests a second and pool, some hundreds in all: load, and not what is measured. */
const PER_POOL = 20;
const IN_ALL = 300;

/** The load is there before the reload, and sees what the reload leaves. */
const LOAD_AROUND_MS = 1000;

/** How many times as long as php-fpm it may take; or so many ms, percent, requests. */
export type Target = { readonly timesPhpFpm: number } | { readonly atMost: number };

export interface Measure {
  readonly name: string;
  readonly unit: 'ms' | '%' | 'failed';
  readonly target: Target;
  /** Of which pools; 'static' and 'dynamic' are two starts. */
  readonly mode: 'static' | 'dynamic';
  /** null: the contestant has nothing of the kind. */
  readonly take: (running: Running) => Promise<number> | null;
}

/** Pools that all accept, and the load that has asked each of them. */
export interface Running {
  readonly field: Field;
  readonly load: PoolsLoad;
  readonly idleSeconds: number;
  /** Sentences about what was not as promised; they are printed. */
  readonly complain: (what: string) => void;
}

/** Milliseconds until every worker accepts and every pool has answered once. */
export async function start(
  place: Place,
  field: Field,
  workers: number,
): Promise<{ readonly ms: number; readonly load: PoolsLoad }> {
  const load = await startPoolsLoad(place, field.ports, field.script);
  const sinceMs = performance.now();
  const pid = await field.start();
  const options = { deadlineMs: DEADLINE_MS, everyMs: workers > 100 ? 25 : 5 };
  try {
    await untilAccepting(pid, workers, sinceMs, () => field.assertRunning(), options);
  } catch (error) {
    throw performance.now() - sinceMs >= DEADLINE_MS ? new TooLate() : error;
  }
  const complaint = complaintOf(await load({ do: 'ask' }));
  const ms = performance.now() - sinceMs;
  if (complaint !== null) throw new Error(`the first answers: ${complaint}`);
  await field.settled();
  return { ms, load };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const sinceMs = performance.now();
  await work();
  return performance.now() - sinceMs;
}

async function reload(field: Field): Promise<void> {
  const before = new Set(field.workers());
  const isNew = (): boolean => {
    const now = field.workers();
    return now.length === before.size && now.every(pid => !before.has(pid));
  };
  await Promise.all([field.reload(), untilDone(isNew, LOOK_EVERY_MS)]);
}

async function idle({ field, idleSeconds }: Running): Promise<number> {
  await delay(SETTLED_MS);
  const cpu = (): number => field.managers().reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = cpu();
  const sinceMs = performance.now();
  await delay(idleSeconds * 1000);
  return (100 * 1000 * (cpu() - before)) / (performance.now() - sinceMs);
}

async function reloadUnderLoad({ field, load, complain }: Running): Promise<number> {
  const before = await load({ do: 'pause' });
  await load({ do: 'run', perSecond: Math.min(IN_ALL, PER_POOL * field.ports.length) });
  await delay(LOAD_AROUND_MS);
  const reloaded = timed(() => reload(field));
  await Promise.allSettled([reloaded]); // a reload that failed still has to end the load
  await delay(LOAD_AROUND_MS);
  const after = await load({ do: 'pause' });
  const ms = await reloaded;
  const sent = after.sent - before.sent;
  complain(`reload under load: ${(ms / 1000).toFixed(1)} s, ${sent} requests to ${after.workers} workers`);
  const complaint = complaintOf(after);
  if (complaint !== null) complain(`reload under load: ${complaint}`);
  return sent - (after.verified - before.verified);
}

function isMortal(field: Field): field is Mortal {
  return 'killKeeper' in field;
}

/** Of fpm-ts alone. */
function ofMortal(act: (field: Mortal) => Promise<void>): Measure['take'] {
  return ({ field }) => (isMortal(field) ? timed(() => act(field)) : null);
}

export const START = 'start until all accept';

export const MEASURES: readonly Measure[] = [
  { name: 'idle, static: CPU', unit: '%', target: { atMost: 1 }, mode: 'static', take: idle },
  {
    name: 'reload of all',
    unit: 'ms',
    target: { timesPhpFpm: 2 },
    mode: 'static',
    take: ({ field }) => timed(() => reload(field)),
  },
  {
    name: 'reload of all under load',
    unit: 'failed',
    target: { atMost: 0 },
    mode: 'static',
    take: reloadUnderLoad,
  },
  {
    name: 'supervisor killed, back in charge',
    unit: 'ms',
    target: { atMost: 2000 },
    mode: 'static',
    take: ofMortal(field => field.killSupervisor()),
  },
  {
    name: 'keeper killed and started again',
    unit: 'ms',
    target: { atMost: 6000 },
    mode: 'static',
    take: ofMortal(field => field.killKeeper()),
  },
  {
    name: 'upgrade',
    unit: 'ms',
    target: { atMost: 6000 },
    mode: 'static',
    take: ofMortal(field => field.upgrade()),
  },
  {
    name: 'stop',
    unit: 'ms',
    target: { atMost: 5000 },
    mode: 'static',
    take: ({ field }) => timed(() => field.stop(false)),
  },
  { name: 'idle, dynamic: CPU', unit: '%', target: { atMost: 1 }, mode: 'dynamic', take: idle },
  {
    name: 'stop --now',
    unit: 'ms',
    target: { atMost: 2000 },
    mode: 'dynamic',
    take: ({ field }) => timed(() => field.stop(true)),
  },
];
