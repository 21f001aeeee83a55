/** A real nginx with one of the examples, or a text of the caller's, as its site. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Replacements, readExample } from './example.ts';
import { findProgram } from './needs.ts';
import type { Place } from './place.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server.ts';
import { IS_ROOT } from './suite.ts';

/** What Debian's nginx.conf has around a site, with everything that nginx writes in a directory of its own. */
function mainConfiguration(dir: string, site: string): string {
  const temporary = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'];
  return `
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
lock_file ${dir}/nginx.lock;
error_log ${dir}/error.log info;
${IS_ROOT ? 'user www-data;' : ''}
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log ${dir}/access.log;
${temporary.map(name => `    ${name}_temp_path ${dir}/${name};`).join('\n')}
    include ${site};
}
`;
}

/** Starts nginx with `examples/EXAMPLE`, its "listen 80;" moved to a free port of 127.0.0.1. */
export async function startNginx(place: Place, example: string, replacements: Replacements): Promise<Server> {
  return startNginxSite(place, port =>
    readExample(example, { ...replacements, 'listen 80;': `listen 127.0.0.1:${port};` }),
  );
}

/** Starts nginx with what `site` writes, which listens on `port` of 127.0.0.1. */
export async function startNginxSite(place: Place, site: (port: number) => string): Promise<Server> {
  const dir = join(place.dir, 'nginx');
  mkdirSync(dir);
  const port = await freePort();
  const siteFile = join(dir, 'site.conf');
  writeFileSync(siteFile, site(port));
  writeFileSync(join(dir, 'nginx.conf'), mainConfiguration(dir, siteFile));
  const errorLog = join(dir, 'error.log');
  return startServer(place, {
    command: findProgram('nginx') ?? 'nginx',
    args: ['-p', dir, '-e', errorLog, '-c', join(dir, 'nginx.conf')],
    dir,
    errorLog,
    port,
    endSignal: 'SIGTERM',
  });
}
