/** How hosts of CGI scripts stand many requests at once. */
import type { Place } from '../lib/place.ts';
import { type Effort, inTurn, median, megabytes, type Report, spread, whole } from './benchmark.ts';
import { type CgiHost, fcgiwrapHost } from './cgi-hosts.ts';
import { answersRight, briefly, type CgiSite, type Measured, measure, microseconds } from './cgi-load.ts';
import { HELLO } from './cgi-scripts.ts';

const CONNECTIONS = [1, 4, 16, 64, 256];
/** As many scripts at once as `fpm-ts cgi` runs by default. */
const MANY_PROCESSES = 64;

export async function growth(
  place: Place,
  site: CgiSite,
  hosts: readonly CgiHost[],
  effort: Effort,
): Promise<Report> {
  const many = await fcgiwrapHost(place, MANY_PROCESSES);
  await answersRight(site, many, [HELLO]);
  const cells = CONNECTIONS.flatMap(connections =>
    [...hosts, many].map(host => ({ connections, host, measured: [] as Measured[] })),
  );
  for (const { connections, host, measured } of inTurn(cells, effort.rounds).flat())
    measured.push(await measure(site, host, HELLO, { seconds: briefly(effort), connections }));
  return {
    title: `${HELLO.name}, more and more at once, ${effort.rounds} x ${briefly(effort)} s in turn`,
    head: ['at once', '', 'requests/s, median', 'CPU a request', 'PSS of the host'],
    rows: cells.map(({ connections, host, measured }) => [
      String(connections),
      host.name,
      spread(
        measured.map(it => it.requestsPerSecond),
        whole,
      ),
      microseconds(median(measured.map(it => it.cpuSecondsPerRequest))),
      megabytes(median(measured.map(it => it.pssBytes))),
    ]),
    notes: [],
  };
}
