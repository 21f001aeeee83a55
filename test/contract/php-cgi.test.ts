/** What php-cgi does by itself and must not do under fpm-ts: quit after 500 requests, leave children behind. */
import assert from 'node:assert/strict';
import { placeFixture } from '../lib/fixtures.ts';
import { ask } from '../lib/http.ts';
import { startNginx } from '../lib/nginx.ts';
import { until } from '../lib/poll.ts';
import { descendants, isAlive, readStat, type Seen } from '../lib/processes.ts';
import type { Server } from '../lib/server.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { type Deployment, deployUnix, runDirectory } from './deploy.ts';

const NEEDS = { needs: ['nginx', 'php-cgi'] } as const;

/** So many that one of `responders` processes must have answered more than 500. */
async function countAnswers(url: string, responders: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  let left = responders * 510;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await ask(`${url}/echo.php`);
      assert.equal(answer.status, 200, answer.text);
      const { pid } = JSON.parse(answer.text) as { pid: number };
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: responders }, client));
  return counts;
}

async function deployPhp(scope: Scope, pool: string): Promise<Deployment & { nginx: Server }> {
  const www = placeFixture(scope, 'php');
  const deployment = await deployUnix(scope, pool, { '/srv/www': www });
  const replacements = { '/srv/www': www, '/run/fpm-ts': runDirectory(scope) };
  return { ...deployment, nginx: await startNginx(scope, 'nginx-php.conf', replacements) };
}

suite('contract/php-requests', NEEDS, async scope => {
  const { daemon, pool, nginx } = await deployPhp(scope, 'php');
  const before = workerPids(await daemon.status(), pool);
  const counts = await countAnswers(nginx.url, before.length);

  await scope.test('a worker answers more than 500 requests', () => {
    assert.ok(Math.max(...counts.values()) > 500, JSON.stringify([...counts]));
  });
  await scope.test('no worker quit', async () => {
    const after = await daemon.status();
    assert.deepEqual(workerPids(after, pool), before);
    assert.equal(poolOf(after, pool).counters.exited, 0);
  });
});

suite('contract/php-family', NEEDS, async scope => {
  const { daemon, pool, nginx } = await deployPhp(scope, 'php-family');
  const workers = workerPids(await daemon.status(), pool);
  const children = await until(
    () => {
      const found = workers.flatMap(pid => descendants(pid));
      return found.length === 8 ? found : undefined;
    },
    { what: 'two families of four children' },
  );

  await scope.test('each worker is a php-cgi with four children, which answer', async () => {
    assert.equal(workers.length, 2);
    assert.deepEqual(
      workers.map(pid => descendants(pid).length),
      [4, 4],
    );
    const { pid } = JSON.parse((await ask(`${nginx.url}/echo.php`)).text) as { pid: number };
    assert.ok(children.some(child => child.pid === pid));
  });

  await scope.test('no child quits after 500 requests', async () => {
    const counts = await countAnswers(nginx.url, children.length);
    assert.ok(Math.max(...counts.values()) > 500, JSON.stringify([...counts]));
    assert.deepEqual(
      [...counts.keys()].filter(pid => !children.some(child => child.pid === pid)),
      [],
    );
  });

  await scope.test('the families are stopped as one', async () => {
    const family: Seen[] = [...children, ...workers.flatMap(pid => readStat(pid) ?? [])];
    assert.equal(family.length, 10);
    assert.equal(family.filter(isAlive).length, 10);
    await daemon.stop();
    assert.deepEqual(family.filter(isAlive), []);
  });
});
