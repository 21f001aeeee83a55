/** What README and docs/cgi.md tell to copy for CGI scripts, copied: the pool, nginx's location, lighttpd's lines. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeScript } from '../lib/cgi-tree.ts';
import { startDaemon } from '../lib/daemon.ts';
import { asSelf, README, replaceAll } from '../lib/example.ts';
import { ask } from '../lib/http.ts';
import { install } from '../lib/installed.ts';
import { startLighttpdSite } from '../lib/lighttpd.ts';
import { startNginxSite } from '../lib/nginx.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';
import { runDirectory } from './deploy.ts';

const DOCUMENTS = { README, 'docs/cgi.md': readFileSync(join(REPOSITORY, 'docs/cgi.md'), 'utf8') };
const SCRIPT =
  '#!/bin/sh\nprintf \'Content-Type: text/plain\\n\\n%s %s %s\' "$SCRIPT_NAME" "$PATH_INFO" "$QUERY_STRING"\n';

for (const [name, text] of Object.entries(DOCUMENTS))
  suite(`contract/cgi-documents: ${name}`, { needs: ['nginx', 'lighttpd'] }, async scope => {
    const block = (language: string, mark: RegExp): string =>
      [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))]
        .map(match => match[1] ?? '')
        .find(it => mark.test(it)) ?? assert.fail(`${name} has no such ${language}`);
    const { node, main } = install(scope);
    const library = join(scope.dir, 'lib');
    writeScript(join(library, 'cgi-bin/sub/hello.cgi'), SCRIPT);
    const moved = (snippet: string, more: Readonly<Record<string, string>> = {}): string =>
      replaceAll(snippet, { ...more, '/usr/lib': library, '/run/fpm-ts': runDirectory(scope) }, name);
    const pool = block('toml', /^# \/etc\/fpm-ts\/pools\.d\/cgi\.toml/);
    await startDaemon(scope, {
      pools: { cgi: asSelf(moved(pool, { '"/usr/bin/fpm-ts"': `"${node}", "${main}"` })) },
    });
    const location = moved(block('nginx', /cgi-bin/), { fastcgi_params: '/etc/nginx/fastcgi_params' });
    const nginx = await startNginxSite(scope, port => `server { listen 127.0.0.1:${port};\n${location}}`);
    const lighttpd = await startLighttpdSite(scope, moved(block('lighttpd', /cgi-bin/)));
    for (const [server, { url }] of Object.entries({ nginx, lighttpd }))
      await scope.test(
        `behind ${server}: script, PATH_INFO and query; 404 for what is not there`,
        async () => {
          const answer = await ask(`${url}/cgi-bin/sub/hello.cgi/path/info?a=b`);
          assert.equal(answer.text, '/cgi-bin/sub/hello.cgi /path/info a=b');
          assert.equal((await ask(`${url}/cgi-bin/sub/none.cgi`)).status, 404);
        },
      );
  });
