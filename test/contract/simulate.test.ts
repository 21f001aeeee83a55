/** `fpm-ts simulate` with a log that a real nginx wrote of requests to a real pool. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NGINX_LINES } from '../../src/cli/access-log.ts';
import { compileFixture } from '../lib/compile.ts';
import { ask } from '../lib/http.ts';
import { startNginx } from '../lib/nginx.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';

const REQUESTS = 8;
const DELAY_MS = 250;

interface Simulated {
  readonly lines: number;
  readonly not_upstream: number;
  readonly unreadable: number;
  readonly sizings: readonly {
    readonly sizing: string;
    readonly requests: number;
    readonly wait_ms: { readonly max: number };
    readonly workers: { readonly max: number };
  }[];
}

suite('contract/simulate', { needs: ['nginx', 'gcc', 'libfcgi'] }, async scope => {
  const hello = await compileFixture('hello');
  const { daemon, pool } = await deployUnix(scope, 'hello', { '/usr/local/libexec/hello': hello });
  const log = join(scope.dir, 'timed.log');
  const nginx = await startNginx(scope, 'nginx-hello.conf', {
    '/run/fpm-ts': runDirectory(scope),
    'server {': `${NGINX_LINES.replace('/var/log/nginx/www.log', log)}\nserver {`,
    'location / {': 'location = /file { return 204; }\n    location / {',
  });
  const url = `${nginx.url}/?delay_ms=${DELAY_MS}`;
  await Promise.all(Array.from({ length: REQUESTS }, () => ask(url)));
  await ask(`${nginx.url}/file`);
  const lines = (): string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1);
  await until(() => lines().length === REQUESTS + 1, { what: 'all lines of the log' });

  const simulate = async (...args: string[]): Promise<Simulated> => {
    const result = await daemon.cli('simulate', pool, '--log', log, '--json', ...args);
    assert.equal(result.code, 0, result.stderr);
    return JSON.parse(result.stdout) as Simulated;
  };

  await scope.test(
    'the line that the help gives to nginx is understood, and arrivals come out as they were',
    async () => {
      const result = await simulate();
      assert.deepEqual([result.lines, result.not_upstream, result.unreadable], [REQUESTS + 1, 1, 0]);
      const [two, one, four] = result.sizings;
      assert.deepEqual(
        [two, one, four].map(it => [it?.sizing, it?.requests, it?.workers.max]),
        [
          ['as configured', REQUESTS, 2],
          ['max_children 1', REQUESTS, 1],
          ['max_children 4', REQUESTS, 4],
        ],
      );
      // Eight at once, the later ones of which took longer because they waited: with fewer workers they wait longer.
      assert.ok((one?.wait_ms.max ?? 0) > (two?.wait_ms.max ?? 0));
      assert.ok((two?.wait_ms.max ?? 0) > (four?.wait_ms.max ?? 0));
      assert.ok((two?.wait_ms.max ?? 0) >= 3 * DELAY_MS);
    },
  );

  await scope.test('a log without times is refused with the lines that nginx.conf lacks', async () => {
    const combined = join(scope.dir, 'nginx', 'access.log');
    const format = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';
    const calls = [
      ['--log', join(scope.dir, 'fpm-ts.toml')],
      ['--log', combined, '--format', format],
    ];
    for (const args of calls) {
      const { code, stderr } = await daemon.cli('simulate', pool, ...args);
      assert.equal(code, 64);
      assert.ok(stderr.includes(NGINX_LINES), stderr);
    }
  });

  await scope.test('a log that is not there is told as that', async () => {
    const { code, stderr } = await daemon.cli('simulate', pool, '--log', join(scope.dir, 'none.log'));
    assert.equal(code, 1);
    assert.match(stderr, /^fpm-ts: cannot read the log: ENOENT.*none\.log/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
});
