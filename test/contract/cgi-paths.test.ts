/**
 * Which script is run, and what it is told of its path, in the ways in which nginx and lighttpd are configured for CGI:
 * with the script's path taken apart by them or not, and with what each of them gets wrong.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { readableByAll } from '../lib/installed.ts';
import { startLighttpdSite } from '../lib/lighttpd.ts';
import { startNginxSite } from '../lib/nginx.ts';
import { FIXTURES } from '../lib/paths.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import type { Server } from '../lib/server.ts';
import { type Scope, suite } from '../lib/suite.ts';
import type { CgiProtocol } from './cgi-site.ts';

/** A document root with /cgi-bin/env.sh and /cgi-bin/shop/list.cgi, each of which prints its environment. */
function makeRoot(root: string): string {
  mkdirSync(join(root, 'cgi-bin/shop'), { recursive: true });
  for (const script of ['cgi-bin/env.sh', 'cgi-bin/shop/list.cgi'])
    cpSync(join(FIXTURES, 'cgi-bin/env.sh'), join(root, script));
  return root;
}

async function startPools(scope: Scope, root: string): Promise<void> {
  const { node, main } = readableByAll(scope);
  const pool = (protocol: CgiProtocol): string =>
    poolText({
      command: [node, main, 'cgi', '--protocol', protocol, '--root', root],
      protocol,
      'listen.address': socketOf(scope, protocol),
      'pm.max_children': 1,
      'pm.worker_concurrency': 64,
      stop_is_graceful: true,
    });
  await startDaemon(scope, { pools: { fastcgi: pool('fastcgi'), scgi: pool('scgi') } });
}

type Said = Readonly<Record<string, string | undefined>>;

/** What env.sh prints of itself. */
async function look(server: Server, host: string, path: string): Promise<Said> {
  const { status, text } = await ask(`${server.url}${path}`, { headers: { host } });
  assert.equal(status, 200, `${path}: ${text}`);
  const said = new Map(text.split('\n').map(line => line.split(/=(.*)/s, 2) as [string, string]));
  const names = ['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_INFO', 'PATH_TRANSLATED', 'cwd'];
  return Object.fromEntries(names.map(name => [name, said.get(name) || undefined]));
}

function expected(root: string, script: string, extra: string): Said {
  return {
    SCRIPT_NAME: script,
    SCRIPT_FILENAME: root + script,
    PATH_INFO: extra || undefined,
    PATH_TRANSLATED: extra === '' ? undefined : root + extra,
    cwd: join(root, script, '..'),
  };
}

const CASES: readonly (readonly [path: string, script: string, extra: string])[] = [
  ['/cgi-bin/env.sh', '/cgi-bin/env.sh', ''],
  ['/cgi-bin/env.sh/', '/cgi-bin/env.sh', '/'],
  ['/cgi-bin/env.sh/a/b%20c', '/cgi-bin/env.sh', '/a/b c'],
  ['/cgi-bin/shop/list.cgi', '/cgi-bin/shop/list.cgi', ''],
  ['/cgi-bin/shop/list.cgi/shoes/42', '/cgi-bin/shop/list.cgi', '/shoes/42'],
  ['/cgi-bin/shop/list.cgi/env.sh', '/cgi-bin/shop/list.cgi', '/env.sh'],
];

/** One configuration after the other, each under a host name of its own. */
async function testEach(
  scope: Scope,
  configurations: Readonly<Record<string, string>>,
  root: string,
  start: (inside: readonly string[]) => Promise<Server>,
): Promise<void> {
  await startPools(scope, root);
  const inside = Object.values(configurations).map(text =>
    text
      .replaceAll('FASTCGI', socketOf(scope, 'fastcgi'))
      .replaceAll('SCGI', socketOf(scope, 'scgi'))
      .replaceAll('ROOT', root),
  );
  const server = await start(inside);
  for (const [i, name] of Object.keys(configurations).entries())
    await scope.test(name, async () => {
      for (const [path, script, extra] of CASES)
        assert.deepEqual(await look(server, `site${i}`, path), expected(root, script, extra), path);
    });
}

/** The inside of a location. */
const NGINX: Readonly<Record<string, string>> = {
  'fastcgi.conf': 'include /etc/nginx/fastcgi.conf; fastcgi_pass unix:FASTCGI;',
  'fastcgi_params, which have no SCRIPT_FILENAME': `
    include /etc/nginx/fastcgi_params;
    fastcgi_pass unix:FASTCGI;`,
  fastcgi_split_path_info: `
    include /etc/nginx/fastcgi_params;
    fastcgi_split_path_info ^(.+?\\.(?:sh|cgi))(/.*)$;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_param PATH_INFO $fastcgi_path_info;
    fastcgi_pass unix:FASTCGI;`,
  'fastcgi_split_path_info, and PATH_TRANSLATED': `
    include /etc/nginx/fastcgi.conf;
    fastcgi_split_path_info ^(.+?\\.(?:sh|cgi))(/.*)$;
    fastcgi_param PATH_INFO $fastcgi_path_info;
    fastcgi_param PATH_TRANSLATED $document_root$fastcgi_path_info;
    fastcgi_pass unix:FASTCGI;`,
  'scgi_params, which have no SCRIPT_NAME': 'include /etc/nginx/scgi_params; scgi_pass unix:SCGI;',
  'scgi_params and SCRIPT_NAME': `
    include /etc/nginx/scgi_params;
    scgi_param SCRIPT_NAME $uri;
    scgi_pass unix:SCGI;`,
};

suite('contract/cgi-paths-nginx', { needs: ['nginx'] }, async scope => {
  const root = makeRoot(join(scope.dir, 'www'));
  await testEach(scope, NGINX, root, inside =>
    startNginxSite(scope, port =>
      inside
        .map(
          (text, i) => `listen 127.0.0.1:${port}; server_name site${i}; root ${root}; location / { ${text} }`,
        )
        .map(server => `server { ${server} }`)
        .join('\n'),
    ),
  );
});

/** What one host is told; each for both modules. */
const LIGHTTPD: Readonly<Record<string, string>> = {
  'a directory': 'X.server = ( "/cgi-bin/" => (( "socket" => "XSOCKET" )) )',
  suffixes: 'X.server = ( ".sh" => (( "socket" => "XSOCKET" )), ".cgi" => (( "socket" => "XSOCKET" )) )',
  'everything below a directory': 'X.server = ( "" => (( "socket" => "XSOCKET" )) )',
  'check-local disabled': `
    X.server = ( "/cgi-bin/" => (( "socket" => "XSOCKET", "check-local" => "disable" )) )`,
  'check-local disabled, and a docroot': `
    X.server = ( "/cgi-bin/" => (( "socket" => "XSOCKET", "check-local" => "disable", "docroot" => "ROOT" )) )`,
  'broken-scriptfilename': `
    X.server = ( "/cgi-bin/" => (( "socket" => "XSOCKET", "broken-scriptfilename" => "enable" )) )`,
};

const LIGHTTPD_BOTH = Object.fromEntries(
  ['fastcgi', 'scgi'].flatMap(module =>
    Object.entries(LIGHTTPD).map(([name, text]) => [
      `mod_${module}: ${name}`,
      text.replaceAll('XSOCKET', module.toUpperCase()).replaceAll('X.', `${module}.`),
    ]),
  ),
);

suite('contract/cgi-paths-lighttpd', { needs: ['lighttpd'] }, async scope => {
  const root = makeRoot(join(scope.dir, 'lighttpd/www'));
  await testEach(scope, LIGHTTPD_BOTH, root, inside => {
    const hosts = inside.map((text, i) => `$HTTP["host"] == "site${i}" {\n${text}\n}`);
    return startLighttpdSite(scope, ['server.modules += ( "mod_fastcgi", "mod_scgi" )', ...hosts].join('\n'));
  });
});
