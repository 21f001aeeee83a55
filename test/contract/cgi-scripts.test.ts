/** Scripts in sh, Perl, Python and PHP through nginx and lighttpd, over FastCGI and SCGI. */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import type { Replacements } from '../lib/example.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { ask } from '../lib/http.ts';
import { FIXTURES } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { testFlow } from './cgi-flow-steps.ts';
import { type Site, testEnvironment, testPerl, testPhp, testPython } from './cgi-script-steps.ts';
import { type CgiProtocol, startCgiSite, suitePerServer, type WebServer } from './cgi-site.ts';

/** The directory behind "/cgi-bin/". */
async function placeScripts(scope: Scope): Promise<string> {
  const scripts = placeFixture(scope, 'cgi-bin');
  mkdirSync(join(scripts, 'shop'));
  copyFileSync(join(scripts, 'env.sh'), join(scripts, 'shop/list.cgi'));
  writeFileSync(join(scripts, 'data.txt'), 'no script');
  cpSync(join(FIXTURES, 'php'), join(scripts, 'php'), { recursive: true });
  const made = await runCommand('mkfifo', ['-m', '0666', join(scripts, 'fifo')]);
  assert.equal(made.code, 0, made.stderr);
  return scripts;
}

/** The pages, some of them scripts. */
function placePages(scripts: string, pages: string): string {
  mkdirSync(pages, { recursive: true });
  copyFileSync(join(scripts, 'env.sh'), join(pages, 'page.cgi'));
  cpSync(join(FIXTURES, 'php'), join(pages, 'php'), { recursive: true });
  return pages;
}

/** @param changes more to replace in the web server's file */
async function startScripts(
  scope: Scope,
  web: WebServer,
  protocol: CgiProtocol,
  changes: Replacements = {},
): Promise<Site> {
  const scripts = await placeScripts(scope);
  // lighttpd's document root is not in the example's file.
  const pages = placePages(scripts, join(scope.dir, web === 'nginx' ? 'www' : 'lighttpd/www'));
  const nginxFiles = { '/srv$uri': `${join(scripts, '..')}$uri`, '/srv/www': pages };
  const site = await startCgiSite(
    scope,
    { example: 'cgi', web, protocol },
    {
      forServer: { ...(web === 'nginx' ? nginxFiles : { '/srv/cgi-bin': scripts }), ...changes },
      forPool: { '/srv/cgi-bin': scripts, '/srv/www': pages },
    },
  );
  return { ...site, scripts, pages };
}

suitePerServer('cgi-scripts', ['CGI.pm', 'python3', 'php-cgi'], async (scope, web, protocol) => {
  const site = await startScripts(scope, web, protocol);
  await testEnvironment(scope, site);
  await testPerl(scope, site);
  await testPython(scope, site);
  await testPhp(scope, site);
  await testFlow(scope, site);
});

suite('contract/cgi-scgi-unbuffered', { needs: ['nginx'] }, async scope => {
  const site = await startScripts(scope, 'nginx', 'scgi', {
    'gzip off;': 'gzip off; scgi_request_buffering off;',
  });
  await scope.test(
    'nginx says a wrong length of the body: nobody takes its beginning for the whole',
    async () => {
      const answer = await ask(`${site.server.url}/cgi-bin/slow.sh`, { body: Buffer.alloc(1_000_000) });
      assert.ok(answer.status === 502 || !answer.complete, `${answer.status}: ${answer.text}`);
      await until(() => site.daemon.log().some(({ msg }) => msg?.includes('scgi_request_buffering')), {
        what: 'the reason in the log',
      });
    },
  );
});
