/**
 * A storm: something is done to a pool again and again while a web server sends it requests, and then everything
 * is counted. What "0 failed" means is: requests sent = bodies verified = requests that
 * the workers counted, and no upstream error in the web server's log; one upstream, no second try.
 */
import type { Disturbance } from './disturb.ts';
import { placeFixture } from './fixtures.ts';
import { type Failure, type HttpLoadOptions, startHttpLoad } from './http-load.ts';
import type { Journal } from './journal.ts';
import { startNginxSite } from './nginx.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

export interface Site {
  readonly url: string;
  readonly journal: Journal;
  /** Lines of the web server's log that are worse than a notice. */
  errors(): string[];
}

/** Where a pool listens, as nginx and as fpm-ts write it. */
export interface StormAddress {
  readonly nginx: string;
  readonly fpmTs: string;
}

/**
 * A web server in front of one upstream, without retries and kept connections.
 * @param journal where the workers write, which PHP and CGI scripts are told with each request
 * @param script of test/fixtures, for programs that run files
 */
export async function openSite(
  place: Place,
  address: StormAddress,
  journal: Journal,
  script = 'php/storm.php',
): Promise<Site> {
  const file = placeFixture(place, script);
  const nginx = await startNginxSite(
    place,
    port => `
upstream pool { server ${address.nginx}; }
server {
    listen 127.0.0.1:${port};
    location / {
        include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_FILENAME ${file};
        fastcgi_param STORM_JOURNAL ${journal.dir};
        fastcgi_next_upstream off;
        fastcgi_keep_conn off;
        fastcgi_pass pool;
    }
}
`,
  );
  return {
    url: nginx.url,
    journal,
    errors: () =>
      nginx
        .errors()
        .split('\n')
        .filter(line => /\[(warn|error|crit|alert|emerg)\]/.test(line)),
  };
}

export interface StormOptions extends HttpLoadOptions {
  /** Done over and over, one after the other; an exception is a complaint as well, and the end. */
  readonly disturb: Disturbance;
  /** Looked at after each time. */
  readonly isOver: (times: number, elapsedMs: number) => boolean;
}

export interface StormResult {
  readonly sent: number;
  readonly verified: number;
  /** Answers that workers were about to write. */
  readonly counted: number;
  readonly failures: readonly Failure[];
  /** How many processes answered. */
  readonly workers: number;
  readonly times: number;
  readonly seconds: number;
  /** Everything that contradicts "0 failed", a sentence each; empty when the claim holds. */
  readonly complaints: readonly string[];
}

export async function storm(place: Place, site: Site, options: StormOptions): Promise<StormResult> {
  const before = { answers: site.journal.read().answers, errors: site.errors().length };
  const load = startHttpLoad(place, site.url, options);
  // Every client has been answered once: the load is there.
  await until(() => load.result().verified >= options.clients, { what: 'the load' });
  const sinceMs = performance.now();
  const complaints: string[] = [];
  let times = 0;
  for (let isOver = false; !isOver; ) {
    times++;
    try {
      complaints.push(...(await options.disturb()));
      isOver = options.isOver(times, performance.now() - sinceMs);
    } catch (error) {
      complaints.push(`time ${times}: ${error instanceof Error ? error.message : String(error)}`);
      isOver = true;
    }
  }
  const seconds = (performance.now() - sinceMs) / 1000;
  const { sent, verified, failures } = await load.end();
  const counted = site.journal.read().answers - before.answers;
  if (failures.length > 0)
    complaints.push(`${failures.length} of ${sent} requests failed: ${kinds(failures)}`);
  if (counted !== verified) complaints.push(`${verified} answers arrived, the workers gave ${counted}`);
  const errors = site.errors().slice(before.errors);
  if (errors.length > 0)
    complaints.push(`${errors.length} errors of the web server, the first: ${errors[0]}`);
  return { sent, verified, counted, failures, workers: site.journal.workers(), times, seconds, complaints };
}

/** "3 x status 502, 1 x no answer in 20000 ms" */
function kinds(failures: readonly Failure[]): string {
  const counts = new Map<string, number>();
  for (const { what } of failures) counts.set(what, (counts.get(what) ?? 0) + 1);
  return [...counts].map(([what, count]) => `${count} x ${what}`).join(', ');
}
