/** How long the first connection to a pool at rest waits until somebody is started for it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openInner, type Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { inTurn, median, type Report, ratio, spread } from './benchmark.ts';
import { startPhpFpm } from './peers.ts';
import { untilListening } from './php-fpm.ts';

const TARGET_MS = 5;
/** A pool is at rest when the end of its last worker has been accounted for, too. */
const REST_MS = 500;
const IDLE_TIMEOUT = '1s';

interface Sleeper {
  readonly socket: string;
  /** Whose children the workers are. */
  readonly parent: number;
}

/** proc_pid_children(5), of the first thread. */
function children(pid: number): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(/\s+/).filter(Boolean)
    .length;
}

async function wake({ socket, parent }: Sleeper, resting: number): Promise<number> {
  await until(() => children(parent) === resting, { what: 'the pool to be at rest', deadlineMs: 20_000 });
  await delay(REST_MS);
  const sinceMs = performance.now();
  const client = connect(socket);
  const connected = once(client, 'connect');
  while (children(parent) === resting) await new Promise(setImmediate);
  const elapsedMs = performance.now() - sinceMs;
  await connected;
  client.destroy();
  return elapsedMs;
}

/** @param times how often each is woken */
export async function wakeReport(place: Place, times: number): Promise<Report> {
  const inner = openInner(place, 'wake');
  const keys = { 'pm.mode': 'ondemand', 'pm.max_children': 4, 'pm.process_idle_timeout': IDLE_TIMEOUT };
  const { daemon } = await openField(inner, { program: PROGRAMS.plain, transport: 'unix', keys });
  const pm = ['pm = ondemand', `pm.process_idle_timeout = ${IDLE_TIMEOUT}`];
  const theirs = await startPhpFpm(inner, { children: 4, pm });
  await untilListening(theirs.socket); // which wakes it
  const ours = { socket: `${daemon.runDir}/${STORM_POOL}.sock`, parent: daemon.pid };
  const contestants = [
    // The supervisor is a child of the keeper's, too.
    { name: 'fpm-ts', sleeper: ours, resting: 1, ms: [] as number[] },
    {
      name: 'php-fpm',
      sleeper: { socket: theirs.socket, parent: theirs.pid },
      resting: 0,
      ms: [] as number[],
    },
  ];
  for (const { sleeper, resting, ms } of inTurn(contestants, times).flat())
    ms.push(await wake(sleeper, resting));
  await inner.close();
  const php = contestants.at(-1)?.ms ?? [];
  return {
    title: `The first connection to an on-demand pool without workers, ${times} times`,
    head: ['', 'from connect to fork', 'ratio to php-fpm', 'target'],
    rows: contestants.map(({ name, ms }) => [
      name,
      spread(ms, value => `${value.toFixed(1)} ms`),
      ratio(median(ms) / median(php)),
      name === 'fpm-ts' ? `${TARGET_MS} ms: ${median(ms) <= TARGET_MS ? 'met' : 'MISSED'}` : '',
    ]),
    notes: ['Less is better.'],
  };
}
