/** A PHP application with opcache under php-fpm and under fpm-ts: requests a second, and memory of the whole tree. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { readPool } from '../lib/example.ts';
import { ask } from '../lib/http.ts';
import { startNginx } from '../lib/nginx.ts';
import { openInner, type Place } from '../lib/place.ts';
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
import { load, untilAnswered } from './load.ts';
import { startPhpFpm } from './peers.ts';
import { FILES_A_REQUEST, writePhpApp } from './php-app.ts';
import { openRoute, type Route } from './route.ts';
import { memoryOf, treeCpuSeconds, treePssBytes } from './usage.ts';

const CHILDREN = 8;
/** Every child, also of eight caches, has compiled what it needs. */
const WARM_UP_SECONDS = 2;

interface Started {
  /** The process at the top. */
  readonly pid: number;
  readonly socket: string;
  /** Processes of the tree that are no PHP: our two. */
  readonly overseers: readonly number[];
}

interface Contestant {
  readonly name: string;
  readonly start: (place: Place, app: string) => Promise<Started>;
  readonly requestsPerSecond: number[];
  /** CPU time of the whole tree. */
  readonly cpuSecondsPerRequest: number[];
  readonly treeBytes: number[];
  readonly phpBytes: number[];
}

function contestant(name: string, start: Contestant['start']): Contestant {
  return { name, start, requestsPerSecond: [], cpuSecondsPerRequest: [], treeBytes: [], phpBytes: [] };
}

/** Both PHPs read the php.ini and the extensions of php-cgi. */
async function iniDirectory(): Promise<string> {
  const { stdout } = await runCommand('/usr/bin/php-cgi', ['-q', '-i']);
  const file = /Loaded Configuration File.*?(\/\S+\.ini)/.exec(stdout)?.[1];
  if (file === undefined) throw new Error('php-cgi -i names no configuration file');
  return dirname(file);
}

async function phpFpm(place: Place): Promise<Started> {
  const { pid, socket } = await startPhpFpm(place, {
    children: CHILDREN,
    iniDirectory: await iniDirectory(),
  });
  return { pid, socket, overseers: [] };
}

/** @param replacements what differs from the sample pool besides its paths */
async function fpmTs(
  place: Place,
  app: string,
  pool: string,
  replacements: Readonly<Record<string, string>>,
): Promise<Started> {
  const runDir = join(place.dir, 'run');
  const text = readPool(pool, { '/srv/www': app, '/run/fpm-ts': runDir, ...replacements });
  const daemon = await startDaemon(place, { pools: { php: text }, ownSession: true });
  const { pid, supervisor_pid } = await daemon.status();
  return { pid, socket: join(runDir, 'php.sock'), overseers: [pid, supervisor_pid] };
}

function families(count: number): Contestant {
  const children = CHILDREN / count;
  const name = count === 1 ? `fpm-ts, a family of ${children}` : `fpm-ts, ${count} families of ${children}`;
  return contestant(name, (place, app) =>
    fpmTs(place, app, 'php-family', {
      'PHP_FCGI_CHILDREN = "4"': `PHP_FCGI_CHILDREN = "${children}"`,
      'pm.max_children       = 2': `pm.max_children = ${count}`,
      'pm.worker_concurrency = 4': `pm.worker_concurrency = ${children}`,
    }),
  );
}

async function measure(
  { start, requestsPerSecond, cpuSecondsPerRequest, treeBytes, phpBytes }: Contestant,
  place: Place,
  app: string,
  site: { readonly url: string; readonly route: Route },
  seconds: number,
): Promise<void> {
  const { pid, socket, overseers } = await start(place, app);
  site.route.to(socket);
  await assertWhole(`${site.url}/index.php`);
  await load(`${site.url}/index.php`, WARM_UP_SECONDS);
  const cpuBefore = treeCpuSeconds(pid);
  const loaded = await load(`${site.url}/index.php`, seconds);
  cpuSecondsPerRequest.push((treeCpuSeconds(pid) - cpuBefore) / loaded.requests);
  requestsPerSecond.push(loaded.requestsPerSecond);
  await assertCached(`${site.url}/opcache.php`);
  const tree = treePssBytes(pid);
  treeBytes.push(tree);
  phpBytes.push(tree - overseers.reduce((sum, each) => sum + memoryOf(each).pssBytes, 0));
}

async function assertWhole(url: string): Promise<void> {
  const { status, headers, text } = await untilAnswered(url);
  const files = Number(headers['x-files']);
  if (status !== 200 || !(files >= FILES_A_REQUEST))
    throw new Error(`${url}: ${status}, ${files} files\n${text.slice(0, 500)}`);
}

async function assertCached(url: string): Promise<void> {
  const { text } = await ask(url);
  const cache = JSON.parse(text) as { enabled: boolean; scripts: number };
  if (!cache.enabled || cache.scripts < FILES_A_REQUEST) throw new Error(`opcache does not work: ${text}`);
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const app = join(place.dir, 'app');
  mkdirSync(app);
  writePhpApp(app);
  const route = openRoute(place);
  const nginx = await startNginx(place, 'nginx-php.conf', {
    '/srv/www': app,
    '/run/fpm-ts/php.sock': route.socket,
  });
  const theirs = contestant('php-fpm', inner => phpFpm(inner));
  const ours = [
    families(1),
    families(2),
    contestant(`fpm-ts, ${CHILDREN} php-cgi without children`, (inner, path) =>
      fpmTs(inner, path, 'php', { 'pm.max_children = 4': `pm.max_children = ${CHILDREN}` }),
    ),
  ];
  // One at a time, from its start to its end: pages that it shared with another would halve its memory.
  for (const [round, each] of inTurn([theirs, ...ours], effort.rounds)
    .flat()
    .entries()) {
    const inner = openInner(place, `${round}`);
    await measure(each, inner, app, { url: nginx.url, route }, effort.loadSeconds);
    await inner.close();
  }
  return [report(theirs, ours, effort)];
}

function report(theirs: Contestant, ours: readonly Contestant[], effort: Effort): Report {
  const to = (values: readonly number[], others: readonly number[]): string =>
    ratio(median(values) / median(others));
  return {
    title: `nginx to a PHP application, ${CHILDREN} children each, ${effort.rounds} x ${effort.loadSeconds} s in turn`,
    head: [
      '',
      'requests/s, median',
      'ratio',
      'CPU a request',
      'ratio',
      'PSS of all',
      'ratio',
      'PSS of PHP',
      'ratio',
    ],
    rows: [theirs, ...ours].map(({ name, requestsPerSecond, cpuSecondsPerRequest, treeBytes, phpBytes }) => [
      name,
      spread(requestsPerSecond, whole),
      to(requestsPerSecond, theirs.requestsPerSecond),
      `${Math.round(1e6 * median(cpuSecondsPerRequest))} µs`,
      to(cpuSecondsPerRequest, theirs.cpuSecondsPerRequest),
      megabytes(median(treeBytes)),
      to(treeBytes, theirs.treeBytes),
      megabytes(median(phpBytes)),
      to(phpBytes, theirs.phpBytes),
    ]),
    notes: [
      'Ratios to php-fpm: of requests more is better, of CPU and memory less. All: with keeper and supervisor.',
    ],
  };
}

export const php: Benchmark = {
  name: 'php',
  subject: 'a PHP application with opcache under php-fpm, and under php-cgi families of fpm-ts',
  needs: ['nginx', 'php-cgi', 'php-fpm', 'wrk'],
  run,
};
