/**
 * CGI scripts under `fpm-ts cgi` and under fcgiwrap: the same scripts behind the same nginx. Each host has a session of
 * its own, with its scripts (docs/benchmarks.md, "Sessions"), so that autogroup gives all of them the same share.
 */
import type { Place } from '../lib/place.ts';
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
import { growth } from './cgi-growth.ts';
import { type CgiHost, fcgiwrapHost, fpmTsHost } from './cgi-hosts.ts';
import {
  answersRight,
  briefly,
  type CgiSite,
  type Measured,
  measure,
  microseconds,
  openCgiSite,
  pss,
} from './cgi-load.ts';
import { HELLO, SCRIPTS, type Script } from './cgi-scripts.ts';

const CONNECTIONS = 8;
/** fcgiwrap runs as many scripts at once as it has processes; which number serves it best, the measurement says. */
const FCGIWRAP_PROCESSES = [8, 4];

/** Node has compiled by then what is run all the time. */
const WARM_UP_SECONDS = 4;

const TARGET = 1;
const AIM = 1.15;

interface Contestant {
  readonly host: CgiHost;
  readonly measured: Measured[];
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const site = await openCgiSite(place);
  const ours = await fpmTsHost(place, site.scripts.dir);
  const theirs = await Promise.all(FCGIWRAP_PROCESSES.map(count => fcgiwrapHost(place, count)));
  const hosts = [ours, ...theirs];
  for (const host of hosts) await answersRight(site, host, SCRIPTS);
  const idleBytes = new Map(hosts.map(host => [host, pss(host.hosts)]));
  for (const host of hosts)
    await measure(site, host, HELLO, { seconds: WARM_UP_SECONDS, connections: CONNECTIONS });

  const reports: Report[] = [];
  const loadedBytes = new Map(hosts.map(host => [host, [] as number[]]));
  for (const script of SCRIPTS) {
    const contestants = await compare(site, hosts, script, effort);
    reports.push(scriptReport(script, contestants, effort));
    for (const { host, measured } of contestants)
      loadedBytes.get(host)?.push(...measured.map(it => it.pssBytes));
  }
  reports.push(memoryReport(hosts, idleBytes, loadedBytes));
  reports.push(await growth(place, site, hosts, effort));
  for (const host of hosts) await host.assertSame();
  return reports;
}

async function compare(
  site: CgiSite,
  hosts: readonly CgiHost[],
  script: Script,
  effort: Effort,
): Promise<readonly Contestant[]> {
  const contestants = hosts.map(host => ({ host, measured: [] as Measured[] }));
  for (const { host, measured } of inTurn(contestants, effort.loadRounds).flat())
    measured.push(await measure(site, host, script, { seconds: briefly(effort), connections: CONNECTIONS }));
  return contestants;
}

function scriptReport(script: Script, contestants: readonly Contestant[], effort: Effort): Report {
  const [ours, ...theirs] = contestants;
  const [peer] = theirs.toSorted((a, b) => median(speeds(b)) - median(speeds(a)));
  if (ours === undefined || peer === undefined) throw new Error('nothing to compare');
  return {
    title: `${script.name}, ${CONNECTIONS} connections, ${effort.loadRounds} x ${briefly(effort)} s in turn`,
    head: ['', 'requests/s, median', 'CPU a request', 'and of its script'],
    rows: contestants.map(each => [
      each.host.name,
      spread(speeds(each), whole),
      microseconds(median(each.measured.map(it => it.cpuSecondsPerRequest))),
      microseconds(median(each.measured.map(it => it.scriptCpuSecondsPerRequest))),
    ]),
    notes: [verdict(ours, peer)],
  };
}

function speeds({ measured }: Contestant): number[] {
  return measured.map(it => it.requestsPerSecond);
}

/** To the peer in its better shape. */
function verdict(ours: Contestant, peer: Contestant): string {
  const theirs = speeds(peer);
  const rounds = speeds(ours).map((value, i) => value / (theirs[i] ?? Number.NaN));
  const result = median(speeds(ours)) / median(theirs);
  const met = result >= AIM ? 'met, and the aim' : result >= TARGET ? 'met, not the aim' : 'MISSED';
  return [
    `${ours.host.name} to ${peer.host.name}: ratio of the medians ${ratio(result)}`,
    `(target >= ${TARGET.toFixed(1)}, aim ${AIM}: ${met}), round by round ${spread(rounds, ratio)}`,
  ].join(' ');
}

function memoryReport(
  hosts: readonly CgiHost[],
  idleBytes: ReadonlyMap<CgiHost, number>,
  loadedBytes: ReadonlyMap<CgiHost, readonly number[]>,
): Report {
  const rows = hosts.map(host => [
    host.name,
    megabytes(idleBytes.get(host) ?? Number.NaN),
    spread(loadedBytes.get(host) ?? [], megabytes),
    host.overseers.length === 0 ? '-' : megabytes(pss(host.overseers)),
  ]);
  return {
    title: 'memory (PSS) without the scripts',
    head: ['', 'idle', 'under these loads', 'keeper and supervisor'],
    rows,
    notes: [],
  };
}

export const cgi: Benchmark = {
  name: 'cgi',
  subject: 'CGI scripts under fpm-ts cgi and under fcgiwrap, behind nginx',
  needs: ['nginx', 'gcc', 'wrk', 'spawn-fcgi', 'fcgiwrap'],
  run,
};
