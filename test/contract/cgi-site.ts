/** The CGI host as its examples have it: one of their pools under the real daemon, behind one of their web servers. */
import type { Replacements } from '../lib/example.ts';
import { readableByAll } from '../lib/installed.ts';
import { startLighttpd } from '../lib/lighttpd.ts';
import { startNginx } from '../lib/nginx.ts';
import type { Server } from '../lib/server.ts';
import { type Scope, type SuiteNeeds, suite } from '../lib/suite.ts';
import { type Deployment, deploy, runDirectory } from './deploy.ts';

export type WebServer = 'nginx' | 'lighttpd';
export type CgiProtocol = 'fastcgi' | 'scgi';

export interface CgiSite extends Deployment {
  readonly web: WebServer;
  readonly protocol: CgiProtocol;
  readonly server: Server;
}

/** A suite for each web server and protocol: "contract/NAME-nginx-fastcgi" and so on. */
export function suitePerServer(
  name: string,
  needs: NonNullable<SuiteNeeds['needs']>,
  body: (scope: Scope, web: WebServer, protocol: CgiProtocol) => Promise<void>,
): void {
  for (const web of ['nginx', 'lighttpd'] as const)
    for (const protocol of ['fastcgi', 'scgi'] as const)
      suite(`contract/${name}-${web}-${protocol}`, { needs: [...needs, web] }, scope =>
        body(scope, web, protocol),
      );
}

/** What the examples' header says: for SCGI this word is exchanged in the web server's file and in the pool's. */
function inProtocol(protocol: CgiProtocol): Replacements {
  return protocol === 'scgi' ? { fastcgi: 'scgi' } : {};
}

/**
 * Starts the web server with `examples/WEB-EXAMPLE.conf`, then the pool `examples/pools.d/EXAMPLE.toml`.
 * @param forServer paths to replace in the web server's file
 * @param forPool paths to replace in the pool's
 */
export async function startCgiSite(
  scope: Scope,
  site: { readonly example: string; readonly web: WebServer; readonly protocol: CgiProtocol },
  { forServer = {}, forPool = {} }: { readonly forServer?: Replacements; readonly forPool?: Replacements },
): Promise<CgiSite> {
  const { example, web, protocol } = site;
  const start = web === 'nginx' ? startNginx : startLighttpd;
  const everywhere = { ...inProtocol(protocol), '/run/fpm-ts': runDirectory(scope) };
  const server = await start(scope, `${web}-${example}.conf`, { ...everywhere, ...forServer });
  const { node, main } = readableByAll(scope);
  const program = { '"/usr/bin/fpm-ts"': `"${node}", "${main}"` };
  const deployment = await deploy(scope, example, { ...everywhere, ...forPool, ...program });
  return { ...site, ...deployment, server };
}
