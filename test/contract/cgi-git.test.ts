/** Git's own CGI programs through nginx and lighttpd, over FastCGI and SCGI: git-http-backend, gitweb and cgit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Replacements } from '../lib/example.ts';
import { ask } from '../lib/http.ts';
import type { Server } from '../lib/server.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { type GitUrls, git, makeRepository, testGit } from './cgi-git-steps.ts';
import { type CgiProtocol, startCgiSite, suitePerServer, type WebServer } from './cgi-site.ts';

/** A line of htpasswd(1). */
function account(name: string, password: string): string {
  return `${name}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`;
}

async function startGitSite(scope: Scope, web: WebServer, protocol: CgiProtocol, changes: Replacements = {}) {
  const projects = join(scope.dir, 'projects');
  const files = {
    '/etc/gitweb.conf': join(scope.dir, 'gitweb.conf'),
    '/etc/cgitrc': join(scope.dir, 'cgitrc'),
  };
  writeFileSync(files['/etc/gitweb.conf'], `$projectroot = "${projects}";\n$git_temp = "${scope.dir}";\n`);
  writeFileSync(
    files['/etc/cgitrc'],
    `css=/cgit-css/cgit.css\nlogo=/cgit-css/cgit.png\nfavicon=/cgit-css/favicon.ico\nscan-path=${projects}\n`,
  );
  const passwords = join(scope.dir, 'git.htpasswd');
  writeFileSync(passwords, account('pusher', 'secret'));
  const repository = await makeRepository(projects, 'noise');
  const site = await startCgiSite(
    scope,
    { example: 'git', web, protocol },
    {
      forServer: { [`/etc/${web}/git.htpasswd`]: passwords, ...changes },
      forPool: { '/srv/git': projects, ...files },
    },
  );
  return { ...site, repository };
}

function urlsOf(server: Server): GitUrls {
  return {
    anonymous: `${server.url}/git/noise.git`,
    pusher: `${server.url.replace('http://', 'http://pusher:secret@')}/git/noise.git`,
  };
}

suite('contract/cgi-git-unbuffered', { needs: ['nginx', 'git'] }, async scope => {
  // A push is passed on as it comes: nobody knows its length, and git answers before it has read all.
  const changes = { 'client_max_body_size 0;': 'client_max_body_size 0; fastcgi_request_buffering off;' };
  const { server, repository } = await startGitSite(scope, 'nginx', 'fastcgi', changes);
  await testGit(scope, repository, urlsOf(server));
});

suitePerServer('cgi-git', ['git', 'gitweb', 'cgit'], async (scope, web, protocol) => {
  const { server, repository } = await startGitSite(scope, web, protocol);
  await testGit(scope, repository, urlsOf(server));
  const work = join(scope.dir, 'work');

  /** The addresses that a page links to or loads, as a browser resolves them. */
  const linked = (text: string, page: string): string[] =>
    [...text.matchAll(/(?:href|src)=['"]([^'"#]+)/g)].map(
      ([, link = '']) => new URL(link.replaceAll('&amp;', '&'), page).href,
    );

  for (const [name, list, commitPage, blob] of [
    [
      'gitweb',
      '/gitweb/',
      '/gitweb/?p=noise.git;a=commit;h=HEAD',
      '/gitweb/?p=noise.git;a=blob_plain;f=a.bin',
    ],
    ['cgit', '/cgit/', '/cgit/noise.git/commit/', '/cgit/noise.git/plain/a.bin'],
  ] as const) {
    await scope.test(`${name} shows the repository, and every page and file that it links to`, async () => {
      const page = `${server.url}${list}`;
      const front = await ask(page);
      assert.equal(front.status, 200, front.text);
      assert.ok(front.text.includes('Fifty megabytes of noise'), 'no description');
      const links = linked(front.text, page).filter(link => link.startsWith(server.url));
      assert.ok(links.some(link => link.endsWith('.css')));
      for (const link of new Set(links)) assert.equal((await ask(link)).status, 200, link);
    });

    await scope.test(`${name} shows a commit`, async () => {
      const answer = await ask(`${server.url}${commitPage}`);
      assert.equal(answer.status, 200, answer.text);
      const head = await git(work, 'rev-parse', 'HEAD');
      assert.ok(answer.text.includes(head), `nothing of ${head}`);
    });

    await scope.test(`${name} gives a file of ten megabytes out whole`, async () => {
      const answer = await ask(`${server.url}${blob}`);
      assert.deepEqual([answer.status, answer.complete, answer.body.length], [200, true, 10_000_000]);
      writeFileSync(join(scope.dir, 'blob'), answer.body);
      assert.equal(
        await git(work, 'hash-object', join(scope.dir, 'blob')),
        await git(work, 'rev-parse', 'HEAD:a.bin'),
      );
    });

    await scope.test(`${name} says 404 for what is not there`, async () => {
      const answer = await ask(`${server.url}${blob.replace('a.bin', 'nothing.bin')}`);
      assert.equal(answer.status, 404);
    });
  }
});
