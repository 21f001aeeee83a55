/** One host under load for a moment, and what that costs. */
import { setTimeout as delay } from 'node:timers/promises';
import { startNginxSite } from '../lib/nginx.ts';
import type { Place } from '../lib/place.ts';
import { type Effort, whole } from './benchmark.ts';
import type { CgiHost } from './cgi-hosts.ts';
import { assertRight, type Script, type WrittenScripts, writeScripts } from './cgi-scripts.ts';
import { load, untilAnswered } from './load.ts';
import { openRoute, type Route } from './route.ts';
import { cpuSeconds, memoryOf, reapedCpuSeconds } from './usage.ts';

export interface CgiSite {
  readonly url: string;
  readonly route: Route;
  readonly scripts: WrittenScripts;
}

export interface Measured {
  readonly requestsPerSecond: number;
  /** Of the hosts and their overseers. */
  readonly cpuSecondsPerRequest: number;
  /** Of the scripts that the hosts have waited for: fcgiwrap leaves that to the kernel, and has 0. */
  readonly scriptCpuSecondsPerRequest: number;
  /** Of the hosts alone, half-way through the load. */
  readonly pssBytes: number;
}

/** What an upload and an answer of 1 MiB need to stay in memory, so that nginx's temporary files measure nothing. */
const NGINX_BUFFERS = ['client_max_body_size 8m;', 'client_body_buffer_size 2m;', 'fastcgi_buffers 64 32k;'];

export async function openCgiSite(place: Place): Promise<CgiSite> {
  const scripts = await writeScripts(place);
  const route = openRoute(place);
  const { url } = await startNginxSite(place, port =>
    [
      'server {',
      `    listen 127.0.0.1:${port};`,
      ...NGINX_BUFFERS,
      '    location / {',
      '        include /etc/nginx/fastcgi_params;',
      `        fastcgi_param SCRIPT_FILENAME ${scripts.dir}$fastcgi_script_name;`,
      '        fastcgi_param HTTP_PROXY "";',
      `        fastcgi_pass unix:${route.socket};`,
      '    }',
      '}',
    ].join('\n'),
  );
  return { url, route, scripts };
}

/** The first answer of a host, which may have been started this moment. */
export async function answersRight(site: CgiSite, host: CgiHost, scripts: readonly Script[]): Promise<void> {
  site.route.to(host.socket);
  for (const script of scripts) {
    await untilAnswered(`${site.url}/${script.file}`);
    await assertRight(site.url, script);
  }
}

export async function measure(
  { url, route, scripts }: CgiSite,
  host: CgiHost,
  script: Script,
  { seconds, connections }: { readonly seconds: number; readonly connections: number },
): Promise<Measured> {
  route.to(host.socket);
  const before = cpu(host);
  const wrkScript = scripts.wrkScript(script);
  const [{ requests, requestsPerSecond }, pssBytes] = await Promise.all([
    load(`${url}/${script.file}`, seconds, { connections, wrkScript }),
    delay((seconds * 1000) / 2).then(() => pss(host.hosts)),
  ]);
  const after = cpu(host);
  return {
    requestsPerSecond,
    cpuSecondsPerRequest: (after.host - before.host) / requests,
    scriptCpuSecondsPerRequest: (after.scripts - before.scripts) / requests,
    pssBytes,
  };
}

/** Whole seconds of one load; there are many loads, and other work comes and goes. */
export function briefly({ loadSeconds }: Effort): number {
  return Math.ceil(loadSeconds / 2);
}

export function pss(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + memoryOf(pid).pssBytes, 0);
}

function cpu({ hosts, overseers }: CgiHost): { readonly host: number; readonly scripts: number } {
  return {
    host: [...hosts, ...overseers].reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    scripts: hosts.reduce((sum, pid) => sum + reapedCpuSeconds(pid), 0),
  };
}

/** Of a request; what nobody has measured is a dash. */
export function microseconds(seconds: number): string {
  return seconds === 0 ? '-' : `${whole(1e6 * seconds)} µs`;
}
