/** From the start of the program to so many workers that accept. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { ask } from '../lib/http.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner, type Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { type StartedProcess, startProcess } from '../lib/server.ts';
import type { Status } from '../lib/status.ts';
import { untilAccepting } from './accepting.ts';
import {
  type Benchmark,
  type Effort,
  inTurn,
  median,
  type Report,
  ratio,
  spread,
  whole,
} from './benchmark.ts';
import { helloPool } from './fpm-ts.ts';
import { startMultiwatch, startSupervisord } from './peers.ts';

const WORKERS = 200;

interface Contestant {
  readonly name: string;
  readonly start: (place: Place, program: string) => Promise<StartedProcess>;
  /** When it says itself that all are ready. */
  readonly says?: (place: Place) => Promise<void>;
  readonly readyMs: number[];
  readonly saidMs: number[];
}

/** @param more lines of the pool file */
function fpmTs(name: string, more: string): Contestant {
  return {
    name,
    start: (place, program) => startFpmTs(place, program, more),
    says: async place => {
      const controlSocket = join(place.dir, 'run/control.sock');
      await until(() => isRunning(controlSocket), { what: 'status to say "running"' });
    },
    readyMs: [],
    saidMs: [],
  };
}

/** Without startDaemon, whose looks at the status would be part of what is measured. */
function startFpmTs(place: Place, program: string, more: string): Promise<StartedProcess> {
  const { dir } = place;
  const pool = helloPool(program, WORKERS, join(dir, 'run'));
  const logs = join(dir, 'logs');
  for (const directory of ['pools.d', 'logs']) mkdirSync(join(dir, directory));
  writeFileSync(join(dir, 'pools.d/hello.toml'), `${pool}\n${more}\n`);
  writeFileSync(join(dir, 'fpm-ts.toml'), `run_dir = "${dir}/run"\nlog.file = "${logs}/fpm-ts.log"\n`);
  return startProcess(place, {
    command: process.execPath,
    args: [MAIN, '-c', join(dir, 'fpm-ts.toml'), 'start'],
    dir: logs,
    errorLog: join(logs, 'output.txt'),
    ownSession: true,
    endSignal: 'SIGTERM',
  });
}

async function isRunning(controlSocket: string): Promise<boolean> {
  const { text } = await ask('http://localhost/v1/status', { socketPath: controlSocket });
  const { state, pools } = JSON.parse(text) as Status;
  return state === 'running' && pools.every(pool => pool.state === 'running');
}

async function measure(contestant: Contestant, outer: Place, round: number, program: string): Promise<void> {
  const place = openInner(outer, `${round}`);
  const sinceMs = performance.now();
  const started = await contestant.start(place, program);
  contestant.readyMs.push(await untilAccepting(started.pid, WORKERS, sinceMs, () => started.assertRunning()));
  await contestant.says?.(place);
  contestant.saidMs.push(performance.now() - sinceMs);
  await place.close();
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const program = await compileFixture('hello');
  const ours = fpmTs('fpm-ts', '');
  const multiwatch: Contestant = {
    name: 'spawn-fcgi + multiwatch',
    start: (inner, path) => startMultiwatch(inner, [path], WORKERS),
    readyMs: [],
    saidMs: [],
  };
  const supervisord: Contestant = {
    name: 'supervisord',
    start: (inner, path) => startSupervisord(inner, path, WORKERS),
    readyMs: [],
    saidMs: [],
  };
  const contestants = [
    ours,
    fpmTs('fpm-ts, pm.max_spawn_rate = 1000', 'pm.max_spawn_rate = 1000'),
    multiwatch,
    supervisord,
  ];
  for (const [round, each] of inTurn(contestants, effort.rounds).flat().entries())
    await measure(each, place, round, program);
  const times = (values: readonly number[]): string => spread(values, value => `${whole(value)} ms`);
  return [
    {
      title: `from start to ${WORKERS} workers in accept, ${effort.rounds} times in turn`,
      head: ['', 'all accept', 'and says so itself'],
      rows: contestants.map(({ name, says, readyMs, saidMs }) => [
        name,
        times(readyMs),
        says === undefined ? '-' : times(saidMs),
      ]),
      notes: [multiwatch, supervisord].map(
        peer =>
          `fpm-ts to ${peer.name}: ratio ${ratio(median(ours.readyMs) / median(peer.readyMs))} (less is faster)`,
      ),
    },
  ];
}

export const start: Benchmark = {
  name: 'start',
  subject: 'fpm-ts, spawn-fcgi with multiwatch, and supervisord',
  needs: ['gcc', 'libfcgi', 'spawn-fcgi', 'multiwatch', 'supervisord'],
  run,
};
