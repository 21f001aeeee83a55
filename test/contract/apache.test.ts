/** PHP and CGI scripts behind Apache's mod_proxy_fcgi, with the files of examples/. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startApache } from '../lib/apache.ts';
import { writeScript } from '../lib/cgi-tree.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { ask, md5 } from '../lib/http.ts';
import { install } from '../lib/installed.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';

suite('contract/apache-php', { needs: ['apache', 'php-cgi'] }, async scope => {
  const www = placeFixture(scope, 'php');
  const { daemon, pool } = await deployUnix(scope, 'php', { '/srv/www': www });
  const { url } = await startApache(scope, 'apache-php.conf', {
    '/srv/www': www,
    '/run/fpm-ts': runDirectory(scope),
  });

  await scope.test('GET runs the script in a worker of the pool', async () => {
    const answer = await ask(`${url}/echo.php?a=1&b=%C3%A4`);
    assert.equal(answer.status, 200, answer.text);
    const said = JSON.parse(answer.text) as { pid: number; method: string; query: unknown };
    assert.deepEqual([said.method, said.query], ['GET', { a: '1', b: 'ä' }]);
    assert.ok(workerPids(await daemon.status(), pool).includes(said.pid));
  });

  await scope.test('POST of 10 MB arrives whole', async () => {
    const body = randomBytes(10_000_000);
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await ask(`${url}/body.php`, { body, headers });
    assert.deepEqual(JSON.parse(answer.text), { length: body.length, md5: md5(body) });
  });

  await scope.test("a missing script is Apache's 404", async () => {
    assert.equal((await ask(`${url}/nowhere.php`)).status, 404);
  });

  await scope.test('a reload under load fails no request', async () => {
    let isDone = false;
    const failed: string[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (!isDone) {
        const { status, text } = await ask(`${url}/echo.php`);
        if (status !== 200) failed.push(`${status} ${text}`);
      }
    });
    for (let times = 0; times < 3; times++) {
      const { code, stderr } = await daemon.cli('reload', pool);
      assert.equal(code, 0, stderr);
    }
    isDone = true;
    await Promise.all(clients);
    assert.deepEqual(failed, []);
  });
});

suite('contract/apache-cgi', { needs: ['apache', 'php-cgi'] }, async scope => {
  const { node, main } = install(scope);
  const [scripts, www] = [join(scope.dir, 'cgi-bin'), join(scope.dir, 'www')];
  mkdirSync(www);
  const script = `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s' "$PATH_INFO" "$QUERY_STRING"\n`;
  writeScript(join(scripts, 'sub/hello.cgi'), script);
  const moved = { '/srv/cgi-bin': scripts, '/srv/www': www };
  await deployUnix(scope, 'cgi', { ...moved, '"/usr/bin/fpm-ts"': `"${node}", "${main}"` });
  const { url } = await startApache(scope, 'apache-cgi.conf', {
    ...moved,
    '/run/fpm-ts': runDirectory(scope),
  });

  await scope.test('PATH_INFO and query arrive; a missing script is 404', async () => {
    const answer = await ask(`${url}/cgi-bin/sub/hello.cgi/path/info?a=b`);
    assert.equal(answer.text, '/path/info a=b');
    assert.equal((await ask(`${url}/cgi-bin/sub/none.cgi`)).status, 404);
  });
});
