/** A real lighttpd with one of the examples, or a text of the caller's, in its configuration. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Replacements, readExample } from './example.ts';
import { findProgram } from './needs.ts';
import type { Place } from './place.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server.ts';
import { IS_ROOT } from './suite.ts';

/**
 * What Debian's lighttpd.conf has around conf-enabled; errors go to stderr, because lighttpd opens a log only when it
 * has given up root.
 */
function mainConfiguration(dir: string, port: number, site: string): string {
  const account = IS_ROOT ? 'server.username = "www-data"\nserver.groupname = "www-data"' : '';
  return `
server.modules = ( "mod_indexfile", "mod_access", "mod_alias", "mod_redirect" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${dir}/www"
server.pid-file = "${dir}/lighttpd.pid"
server.upload-dirs = ("${dir}/uploads")
server.compat-module-load = "disable"
server.http-parseopts = (
  "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable", "url-ctrls-reject" => "enable",
  "url-path-2f-decode" => "enable", "url-path-dotseg-remove" => "enable",
)
${account}
include "${site}"
server.modules += ( "mod_dirlisting", "mod_staticfile" )
`;
}

/** Starts lighttpd with `examples/EXAMPLE` on a free port of 127.0.0.1. */
export async function startLighttpd(
  place: Place,
  example: string,
  replacements: Replacements,
): Promise<Server> {
  return startLighttpdSite(place, readExample(example, replacements));
}

/** Starts lighttpd with a site of the caller's; its document root is lighttpd/www in the place. */
export async function startLighttpdSite(place: Place, site: string): Promise<Server> {
  const dir = join(place.dir, 'lighttpd');
  for (const part of ['', 'www', 'uploads']) mkdirSync(join(dir, part), { recursive: true });
  // Written by lighttpd's user, who is not the one who made it.
  chmodSync(join(dir, 'uploads'), 0o777);
  const port = await freePort();
  const siteFile = join(dir, 'site.conf');
  const file = join(dir, 'lighttpd.conf');
  writeFileSync(siteFile, site);
  writeFileSync(file, mainConfiguration(dir, port, siteFile));
  return startServer(place, {
    command: findProgram('lighttpd') ?? 'lighttpd',
    args: ['-D', '-f', file],
    dir,
    errorLog: join(dir, 'error.log'),
    port,
    endSignal: 'SIGTERM',
  });
}
