/**
 * Requests through nginx while a pool is reloaded, recycled, scaled, stopped and started over and over: how many
 * fail, and whether everything that was sent was answered and counted. php-fpm where it can do the same.
 */
import { mkdirSync } from 'node:fs';
import { type Disturbance, look, reload, restart, scale, stopAndStart } from '../lib/disturb.ts';
import type { HttpLoadOptions } from '../lib/http-load.ts';
import { openJournal } from '../lib/journal.ts';
import { openInner, type Place } from '../lib/place.ts';
import { freePort } from '../lib/ports.ts';
import { openSite, type Site, type StormResult, storm } from '../lib/storm.ts';
import {
  type Field,
  type FieldOptions,
  openField,
  PROGRAMS,
  STORM_POOL,
  type StormProgram,
  type Transport,
} from '../lib/storm-pools.ts';
import type { Benchmark, Effort, Report } from './benchmark.ts';
import { whole } from './benchmark.ts';
import { startPhpFpm } from './peers.ts';
import { reloadPhpFpm, untilListening } from './php-fpm.ts';

/** Keeps every worker busy, and a queue behind them. */
const BUSY: HttpLoadOptions = { clients: 32 };
/** Leaves workers idle now and then. */
const IDLE_MOMENTS: HttpLoadOptions = { clients: 4, pauseMs: 30 };

interface Contest {
  readonly name: string;
  readonly load: HttpLoadOptions;
  readonly open: (place: Place) => Promise<{ readonly site: Site; readonly disturb: Disturbance }>;
}

function fpmTs(
  name: string,
  load: HttpLoadOptions,
  disturbance: (field: Field) => Disturbance,
  options: FieldOptions,
): Contest {
  // What happens to the workers here is worth warnings.
  const daemon = { expectedLog: [/./] };
  return {
    name: `fpm-ts, ${options.program.name}, ${options.transport}: ${name}`,
    load,
    open: async place => {
      const field = await openField(place, { ...options, daemon });
      return { site: field.site, disturb: disturbance(field) };
    },
  };
}

function phpFpm(transport: Transport, processControlTimeout: number): Contest {
  return {
    name: `php-fpm, ${transport}, process_control_timeout ${processControlTimeout}: reload`,
    load: BUSY,
    open: async place => {
      const journal = openJournal(place);
      const port = await freePort();
      const listen = transport === 'tcp' ? `127.0.0.1:${port}` : `${place.dir}/php-fpm.sock`;
      const children = 4;
      const peer = await startPhpFpm(place, { children, listen, processControlTimeout });
      await untilListening(listen);
      const nginx = transport === 'tcp' ? listen : `unix:${listen}`;
      const site = await openSite(place, { nginx, fpmTs: listen }, journal);
      return { site, disturb: reloadPhpFpm(peer.pid, children) };
    },
  };
}

const reloads = (field: Field): Disturbance => reload(field.daemon, STORM_POOL);

function contests(): Contest[] {
  const programs: StormProgram[] = Object.values(PROGRAMS);
  const everyWhere = programs.flatMap(program => [
    { program, transport: 'unix' as const },
    { program, transport: 'tcp' as const },
  ]);
  const held = { program: PROGRAMS.php, transport: 'given' as const };
  return [
    phpFpm('unix', 0),
    phpFpm('unix', 10),
    phpFpm('tcp', 0),
    ...everyWhere.map(it => fpmTs('reload', BUSY, reloads, it)),
    ...everyWhere.map(it =>
      fpmTs('max_lifetime 1 s', BUSY, () => look, { ...it, keys: { 'pm.max_lifetime': '1s' } }),
    ),
    ...everyWhere.map(it =>
      fpmTs('scale 2, 8', IDLE_MOMENTS, field => scale(field.daemon, STORM_POOL, [2, 8]), {
        ...it,
        keys: { 'pm.max_children': 8 },
      }),
    ),
    fpmTs('stop POOL, start POOL', BUSY, field => stopAndStart(field.daemon, STORM_POOL), held),
    fpmTs('stop, start', BUSY, field => restart(field.daemon), held),
  ];
}

async function measure(place: Place, contest: Contest, seconds: number): Promise<StormResult> {
  const opened = await contest.open(place);
  const isOver = (_times: number, elapsedMs: number): boolean => elapsedMs >= seconds * 1000;
  return storm(place, opened.site, { ...contest.load, disturb: opened.disturb, isOver });
}

async function run(outer: Place, effort: Effort): Promise<readonly Report[]> {
  const rows: string[][] = [];
  const notes: string[] = [];
  mkdirSync(`${outer.dir}/storms`);
  for (const [index, contest] of contests().entries()) {
    const place = openInner(outer, `storms/${index}`);
    const result = await measure(place, contest, effort.stormSeconds);
    await place.close();
    const { sent, failures, workers, times, seconds, complaints } = result;
    rows.push([
      contest.name,
      whole(times),
      whole(workers),
      `${whole(sent)} (${whole(sent / seconds)}/s)`,
      whole(failures.length),
      complaints.length === 0 ? 'holds' : 'BROKEN',
    ]);
    if (complaints.length > 0) notes.push(`${contest.name}:\n  ${complaints.join('\n  ')}`);
  }
  return [
    {
      title: `storms of ${effort.stormSeconds} s, requests of 20 ms through nginx`,
      head: ['', 'times', 'workers', 'requests', 'failed', '0 failed'],
      rows,
      notes,
    },
  ];
}

export const storms: Benchmark = {
  name: 'storm',
  subject: 'requests while a pool is reloaded, recycled, scaled, stopped and started; php-fpm, reloaded',
  needs: ['nginx', 'gcc', 'php-cgi', 'php-fpm'],
  run,
};
