/** A C program on libfcgi behind nginx. */
import assert from 'node:assert/strict';
import { compileFixture } from '../lib/compile.ts';
import { ask } from '../lib/http.ts';
import { startNginx } from '../lib/nginx.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';

suite('contract/nginx-hello', { needs: ['nginx', 'gcc', 'libfcgi'] }, async scope => {
  const hello = await compileFixture('hello');
  const { daemon, pool } = await deployUnix(scope, 'hello', { '/usr/local/libexec/hello': hello }, [
    /SIGKILL/,
  ]);
  const nginx = await startNginx(scope, 'nginx-hello.conf', { '/run/fpm-ts': runDirectory(scope) });

  await scope.test('two workers answer at the same time', async () => {
    const answers = await Promise.all([
      ask(`${nginx.url}/?delay_ms=1000`),
      ask(`${nginx.url}/?delay_ms=1000`),
    ]);
    assert.deepEqual(
      answers.map(answer => answer.text).sort(),
      workerPids(await daemon.status(), pool)
        .map(pid => `hello from ${pid}\n`)
        .sort(),
    );
  });

  await scope.test(
    'a worker that dies in the middle is replaced, and the next request is answered',
    async () => {
      const cut = await ask(`${nginx.url}/?die=1`);
      assert.deepEqual([cut.status, cut.complete], [200, false]);
      assert.equal((await ask(nginx.url)).status, 200);
      await daemon.statusWhen('two workers again', status => poolOf(status, pool).processes.length === 2);
    },
  );
});
