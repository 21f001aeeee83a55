/** A real Apache with one of the examples as its only site. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Replacements, readExample } from './example.ts';
import { findProgram } from './needs.ts';
import type { Place } from './place.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server.ts';
import { IS_ROOT } from './suite.ts';

const MODULES = ['mpm_event', 'authz_core', 'dir', 'mime', 'alias', 'proxy', 'proxy_fcgi'];

/** What Debian's apache2.conf has around a site, with everything that Apache writes in a directory of its own. */
function mainConfiguration(dir: string, port: number, site: string): string {
  const modules = MODULES.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  return `
ServerRoot ${dir}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${dir}/apache.pid
ErrorLog ${dir}/error.log
LogLevel warn
DefaultRuntimeDir ${dir}
Mutex file:${dir} default
${modules.join('\n')}
TypesConfig /etc/mime.types
${IS_ROOT ? 'User www-data\nGroup www-data' : ''}
<Directory />
    AllowOverride None
    Require all denied
</Directory>
Include ${site}
`;
}

/** Starts Apache with `examples/EXAMPLE` on a free port of 127.0.0.1. */
export async function startApache(
  place: Place,
  example: string,
  replacements: Replacements,
): Promise<Server> {
  const dir = join(place.dir, 'apache');
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  const port = await freePort();
  const site = join(dir, 'site.conf');
  const file = join(dir, 'apache2.conf');
  writeFileSync(site, readExample(example, { ...replacements, '*:80': `127.0.0.1:${port}` }));
  writeFileSync(file, mainConfiguration(dir, port, site));
  return startServer(place, {
    command: findProgram('apache2') ?? 'apache2',
    args: ['-D', 'FOREGROUND', '-f', file],
    dir,
    errorLog: join(dir, 'error.log'),
    port,
    endSignal: 'SIGTERM',
  });
}
