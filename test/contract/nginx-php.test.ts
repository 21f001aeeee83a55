/** php-cgi behind nginx, over a Unix socket and over TCP. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { README, readmePool } from '../lib/example.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { ask, md5, upload } from '../lib/http.ts';
import { startNginx } from '../lib/nginx.ts';
import { freePort } from '../lib/ports.ts';
import type { Server } from '../lib/server.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { type Deployment, deploy, deployUnix, runDirectory } from './deploy.ts';

const NEEDS = { needs: ['nginx', 'php-cgi'] } as const;

/** die.php kills its own worker, which is worth a warning. */
const KILLED_WORKER = /SIGKILL/;

suite('contract/nginx-php', NEEDS, async scope => {
  const www = placeFixture(scope, 'php');
  const deployment = await deployUnix(scope, 'php', { '/srv/www': www }, [KILLED_WORKER]);
  const nginx = await startNginx(scope, 'nginx-php.conf', {
    '/srv/www': www,
    '/run/fpm-ts': runDirectory(scope),
  });
  await testPhp(scope, deployment, nginx);
});

suite('contract/readme-php', { needs: ['php-cgi'] }, async scope => {
  const www = placeFixture(scope, 'php');
  const daemon = await startDaemon(scope, {
    pools: { php: readmePool({ '/srv/www': www, '/run/fpm-ts': runDirectory(scope) }) },
  });
  await scope.test("the README's pool answers the README's request", async () => {
    writeFileSync(join(www, 'index.php'), '<?php echo "it works";');
    const [, path = ''] = /^fpm-ts request php (\S+) -i\b/m.exec(README) ?? [];
    const { code, stdout, stderr } = await daemon.cli('request', 'php', path, '-i');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nit works$/s);
  });
});

suite('contract/nginx-php-tcp', NEEDS, async scope => {
  const www = placeFixture(scope, 'php');
  const address = `127.0.0.1:${await freePort()}`;
  const replacements = { '/srv/www': www, '127.0.0.1:9000': address };
  const deployment = await deploy(scope, 'php-tcp', replacements, [KILLED_WORKER]);
  await testPhp(scope, deployment, await startNginx(scope, 'nginx-php-tcp.conf', replacements));
});

async function testPhp(scope: Scope, { daemon, pool }: Deployment, nginx: Server): Promise<void> {
  await scope.test('GET runs the script in a worker of the pool', async () => {
    const answer = await ask(`${nginx.url}/echo.php?a=1&b=%C3%A4`);
    assert.equal(answer.status, 200, answer.text);
    const said = JSON.parse(answer.text) as { pid: number; method: string; query: unknown };
    assert.deepEqual([said.method, said.query], ['GET', { a: '1', b: 'ä' }]);
    assert.ok(workerPids(await daemon.status(), pool).includes(said.pid));
  });

  await scope.test('fpm-ts request asks for the same script', async () => {
    const asked = await daemon.cli('request', pool, '/echo.php?a=1');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    assert.ok(workerPids(await daemon.status(), pool).includes(JSON.parse(asked.stdout).pid));
  });

  await scope.test('POST of 10 MB arrives whole', async () => {
    const body = randomBytes(10_000_000);
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await ask(`${nginx.url}/body.php`, { body, headers });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), { length: body.length, md5: md5(body) });
  });

  await scope.test('files are uploaded as a form does it', async () => {
    const large = new Uint8Array(randomBytes(3_000_000));
    const small = new Uint8Array([0, 13, 10, 255]);
    const answer = await upload(`${nginx.url}/upload.php`, [
      { field: 'large', name: 'large.bin', content: large },
      { field: 'small', name: 'smäll.bin', content: small },
    ]);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), {
      large: { name: 'large.bin', error: 0, size: large.length, md5: md5(large) },
      small: { name: 'smäll.bin', error: 0, size: small.length, md5: md5(small) },
    });
  });

  await scope.test('a script that does not exist is 404, and one that says so too', async () => {
    assert.equal((await ask(`${nginx.url}/nowhere.php`)).status, 404);
    const said = await ask(`${nginx.url}/missing.php`);
    assert.deepEqual([said.status, said.text], [404, 'nothing here']);
  });

  await scope.test('a script that exits in the middle has answered what it said until then', async () => {
    const answer = await ask(`${nginx.url}/die.php?how=exit`);
    assert.deepEqual([answer.status, answer.text, answer.complete], [200, 'the first half', true]);
  });

  await scope.test('a worker that dies in the middle: nginx reports it, and it is replaced', async () => {
    const before = workerPids(await daemon.status(), pool);
    const answer = await ask(`${nginx.url}/die.php?how=kill`);
    assert.deepEqual([answer.status, answer.complete], [200, false]);
    assert.match(nginx.errors(), /(upstream prematurely closed|Connection reset).*die\.php/);

    assert.equal((await ask(`${nginx.url}/echo.php`)).status, 200);
    const after = await daemon.statusWhen('the dead worker to be replaced', status => {
      const { state, processes, counters } = poolOf(status, pool);
      return counters.crashed > 0 && state === 'running' && processes.length === before.length;
    });
    const survivors = workerPids(after, pool).filter(pid => before.includes(pid));
    assert.equal(survivors.length, before.length - 1);
    assert.equal(poolOf(after, pool).counters.crashed, 1);
  });
}
