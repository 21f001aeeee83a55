/**
 * Requests a second of the same C program behind the same nginx, and what our two processes do meanwhile.
 *
 * A worker of ours has a session of its own, and where the kernel groups by session (sched(7), autogroup) each
 * session has the same share of a busy processor. So the peer is measured twice: as it is, and with a session a
 * worker, which leaves nothing different but who started them.
 */
import { compileFixture } from '../lib/compile.ts';
import { findProgram } from '../lib/needs.ts';
import { startNginx } from '../lib/nginx.ts';
import type { Place } from '../lib/place.ts';
import { poolOf, type Status } from '../lib/status.ts';
import {
  type Benchmark,
  type Effort,
  inTurn,
  median,
  megabytes,
  type Report,
  ratio,
  spread,
  whole,
} from './benchmark.ts';
import { startHello } from './fpm-ts.ts';
import { load, untilAnswered } from './load.ts';
import { startMultiwatch } from './peers.ts';
import { openRoute } from './route.ts';
import { cpuSeconds, memoryOf, treeCpuSeconds } from './usage.ts';

const WORKERS = 4;
const WARM_UP_SECONDS = 1;

/** The budgets. */
const TARGET = 0.98;

interface Contestant {
  readonly name: string;
  readonly socket: string;
  /** Not the workers: who started them and stays. */
  readonly overseers: readonly number[];
  readonly requestsPerSecond: number[];
  requests: number;
  /** CPU time of the overseers, and of them with the workers. */
  overseersCpuSeconds: number;
  treeCpuSeconds: number;
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const program = await compileFixture('hello');
  const route = openRoute(place);
  const nginx = await startNginx(place, 'nginx-hello.conf', { '/run/fpm-ts/hello.sock': route.socket });
  const { daemon, socket } = await startHello(place, program, WORKERS);
  const plain = await startMultiwatch(place, [program], WORKERS);
  const apart = await startMultiwatch(
    place,
    [findProgram('setsid') ?? 'setsid', program],
    WORKERS,
    'multiwatch-setsid',
  );
  const before = await daemon.status();
  const ours = contestant('fpm-ts', socket, [before.pid, before.supervisor_pid]);
  const theirs = [
    contestant('spawn-fcgi + multiwatch', plain.socket, [plain.pid]),
    contestant('the same, a session a worker', apart.socket, [apart.pid]),
  ];

  for (const each of [ours, ...theirs]) {
    route.to(each.socket);
    await untilAnswered(nginx.url);
    await load(nginx.url, WARM_UP_SECONDS);
  }
  for (const each of inTurn([ours, ...theirs], effort.loadRounds).flat()) {
    route.to(each.socket);
    const before = cpu(each);
    const { requests, requestsPerSecond } = await load(nginx.url, effort.loadSeconds);
    const after = cpu(each);
    each.requestsPerSecond.push(requestsPerSecond);
    each.requests += requests;
    each.overseersCpuSeconds += after.overseers - before.overseers;
    each.treeCpuSeconds += after.tree - before.tree;
  }
  assertSameWorkers(before, await daemon.status());
  for (const peer of [plain, apart]) peer.assertRunning();
  return [report(ours, theirs, effort), overseers(before)];
}

function contestant(name: string, socket: string, overseers: readonly number[]): Contestant {
  return {
    name,
    socket,
    overseers,
    requestsPerSecond: [],
    requests: 0,
    overseersCpuSeconds: 0,
    treeCpuSeconds: 0,
  };
}

function cpu({ overseers }: Contestant): { readonly overseers: number; readonly tree: number } {
  return {
    overseers: overseers.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    tree: treeCpuSeconds(...overseers),
  };
}

/** A worker that was replaced on the way would make the comparison worthless. */
function assertSameWorkers(before: Status, after: Status): void {
  const pids = (status: Status): string =>
    poolOf(status, 'hello')
      .processes.map(it => it.pid)
      .join(' ');
  if (pids(before) !== pids(after)) throw new Error(`workers ${pids(before)} became ${pids(after)}`);
}

function report(ours: Contestant, theirs: readonly Contestant[], effort: Effort): Report {
  const loadedSeconds = effort.loadRounds * effort.loadSeconds;
  return {
    title: `nginx to a C hello, ${WORKERS} workers each, ${effort.loadRounds} x ${effort.loadSeconds} s in turn`,
    head: ['', 'requests/s, median', 'CPU of the manager', 'CPU a request, all'],
    rows: [ours, ...theirs].map(each => [
      each.name,
      spread(each.requestsPerSecond, whole),
      `${each.overseersCpuSeconds.toFixed(2)} s in ${loadedSeconds} s`,
      `${((1e6 * each.treeCpuSeconds) / each.requests).toFixed(2)} µs`,
    ]),
    notes: theirs.map(peer => compare(ours, peer)),
  };
}

function compare(ours: Contestant, peer: Contestant): string {
  const rounds = ours.requestsPerSecond.map((value, i) => value / (peer.requestsPerSecond[i] ?? Number.NaN));
  const result = median(ours.requestsPerSecond) / median(peer.requestsPerSecond);
  return [
    `fpm-ts to ${peer.name}: ratio of the medians ${ratio(result)}`,
    `(target >= ${TARGET}: ${result >= TARGET ? 'met' : 'MISSED'}), round by round ${spread(rounds, ratio)}`,
  ].join(' ');
}

function overseers({ pid, supervisor_pid }: Status): Report {
  const rows = Object.entries({ keeper: pid, supervisor: supervisor_pid }).map(([name, each]) => {
    const { rssBytes, pssBytes } = memoryOf(each);
    return [name, megabytes(rssBytes), megabytes(pssBytes)];
  });
  return { title: 'our two processes after that load', head: ['', 'RSS', 'PSS'], rows, notes: [] };
}

export const throughput: Benchmark = {
  name: 'throughput',
  subject: 'fpm-ts and spawn-fcgi with multiwatch, behind nginx',
  needs: ['nginx', 'gcc', 'libfcgi', 'wrk', 'spawn-fcgi', 'multiwatch', 'setsid'],
  run,
};
