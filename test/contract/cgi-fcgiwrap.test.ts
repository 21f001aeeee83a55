/** Moving from fcgiwrap: behind nginx configurations as they are written for it, scripts are told the same by ours. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { readableByAll } from '../lib/installed.ts';
import { startNginxSite } from '../lib/nginx.ts';
import { FIXTURES } from '../lib/paths.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import type { Server } from '../lib/server.ts';
import { type Scope, suite } from '../lib/suite.ts';

/** What stands in a server of nginx; ROOT is where cgi-bin/env.sh and cgi-bin/shop/list.cgi are. */
const CONFIGURATIONS: Readonly<Record<string, { readonly text: string; readonly paths: readonly string[] }>> =
  {
    "as in Debian's example": {
      text: `
location /cgi-bin/ {
  gzip off;
  root ROOT;
  fastcgi_pass unix:SOCKET;
  include /etc/nginx/fastcgi_params;
  fastcgi_param SCRIPT_FILENAME ROOT$fastcgi_script_name;
}`,
      paths: ['/cgi-bin/env.sh', '/cgi-bin/env.sh?a=1&b=2', '/cgi-bin/shop/list.cgi'],
    },
    'by suffix, with fastcgi_split_path_info': {
      text: `
root ROOT;
location ~ \\.(sh|cgi)(/|$) {
  fastcgi_split_path_info ^(.+?\\.(?:sh|cgi))(/.*)$;
  include /etc/nginx/fastcgi_params;
  fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
  fastcgi_param PATH_INFO $fastcgi_path_info;
  fastcgi_pass unix:SOCKET;
}`,
      paths: ['/cgi-bin/env.sh', '/cgi-bin/env.sh/a/b', '/cgi-bin/shop/list.cgi/a.cgi?x'],
    },
    'DOCUMENT_ROOT and SCRIPT_NAME, from which fcgiwrap finds PATH_INFO': {
      text: `
root ROOT;
location / {
  include /etc/nginx/fastcgi_params;
  fastcgi_pass unix:SOCKET;
}`,
      paths: ['/cgi-bin/env.sh', '/cgi-bin/env.sh/a/b%20c', '/cgi-bin/shop/list.cgi/42/'],
    },
    'one program for all paths': {
      text: `
location / {
  include /etc/nginx/fastcgi_params;
  fastcgi_param SCRIPT_FILENAME ROOT/cgi-bin/env.sh;
  fastcgi_param PATH_INFO $uri;
  fastcgi_pass unix:SOCKET;
}`,
      paths: ['/', '/a/repository.git/info/refs?service=git-upload-pack'],
    },
  };

async function startBoth(scope: Scope, root: string): Promise<Server> {
  for (const script of ['env.sh', 'shop/list.cgi'])
    cpSync(join(FIXTURES, 'cgi-bin/env.sh'), join(root, 'cgi-bin', script));
  const { node, main } = readableByAll(scope);
  const pool = (name: string, command: readonly string[]): string =>
    poolText({ command, 'listen.address': socketOf(scope, name) });
  await startDaemon(scope, {
    pools: {
      fcgiwrap: pool('fcgiwrap', ['/usr/sbin/fcgiwrap', '-f']),
      ours: pool('ours', [node, main, 'cgi', '--root', root]),
    },
  });
  return startNginxSite(scope, port =>
    ['fcgiwrap', 'ours']
      .flatMap(host =>
        Object.values(CONFIGURATIONS).map(({ text }, i) =>
          `server { listen 127.0.0.1:${port}; server_name ${host}${i}; ${text} }`
            .replaceAll('SOCKET', socketOf(scope, host))
            .replaceAll('ROOT', root),
        ),
      )
      .join('\n'),
  );
}

type Told = ReadonlyMap<string, string>;

/** Of fcgiwrap's own environment, of the protocol, or empty where there is no body: not passed on by ours. */
const NOT_PASSED = ['HOME', 'LOGNAME', 'USER', 'FCGI_ROLE', 'CONTENT_LENGTH', 'CONTENT_TYPE'];
/** RFC 3875 wants them; nginx does not send the first two, and the third not always. */
const ADDED = ['REMOTE_HOST', 'PATH_TRANSLATED', 'SCRIPT_FILENAME'];

function assertSame(ours: Told, theirs: Told, path: string): void {
  for (const name of NOT_PASSED) assert.equal(ours.get(name), undefined, name);
  const missing = [...theirs.keys()].filter(name => !ours.has(name));
  assert.deepEqual(
    missing.filter(name => !NOT_PASSED.includes(name)),
    [],
    path,
  );
  const added = [...ours.keys()].filter(name => !theirs.has(name));
  assert.ok(
    added.every(name => ADDED.includes(name)),
    `${path}: ${added.join(' ')}`,
  );
  const differing = [...theirs].filter(([name, value]) => ours.has(name) && ours.get(name) !== value);
  assert.deepEqual(differing, [], path);
}

suite('contract/cgi-fcgiwrap', { needs: ['nginx', 'fcgiwrap'] }, async scope => {
  const root = join(scope.dir, 'root');
  mkdirSync(join(root, 'cgi-bin/shop'), { recursive: true });
  const nginx = await startBoth(scope, root);
  const look = async (host: string, path: string): Promise<Told> => {
    const { status, text } = await ask(`${nginx.url}${path}`, {
      headers: { host, cookie: 'a=b', 'x-empty': '' },
    });
    assert.equal(status, 200, `${host} ${path}: ${text}`);
    const lines = text
      .trim()
      .replaceAll(host, 'HOST')
      .replace(/^(REMOTE_PORT)=.*/m, '$1=N')
      .split('\n');
    return new Map(lines.map(line => line.split(/=(.*)/s, 2) as [string, string]));
  };
  for (const [i, [name, { paths }]] of Object.entries(CONFIGURATIONS).entries())
    await scope.test(name, async () => {
      for (const path of paths)
        assertSame(await look(`ours${i}`, path), await look(`fcgiwrap${i}`, path), path);
    });
});
