/** A worker that is a family (PHP_FCGI_CHILDREN): one process to fpm-ts, several to the kernel, ended as one. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { descendants, isAlive, type Seen } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const CHILDREN = 2;

/** Says who it is, after as many milliseconds as the query says, and leaves a file when it begins. */
const SLOW = `<?php
header('Content-Type: text/plain');
$begun = __DIR__ . '/begun/' . getmypid();
touch($begun);
$end = microtime(true) + (int) $_SERVER['QUERY_STRING'] / 1000;
while (microtime(true) < $end) usleep(10000); // a signal cuts one sleep short, not the request
unlink($begun);
echo 'done by ', getmypid();
`;

suite('integration/families', { needs: ['php-cgi'] }, async scope => {
  const www = join(scope.dir, 'www');
  const begun = join(www, 'begun');
  const script = join(www, 'slow.php');
  mkdirSync(begun, { recursive: true });
  chmodSync(begun, 0o777);
  writeFileSync(script, SLOW, { mode: 0o644 });
  const family = poolText({
    command: ['/usr/bin/php-cgi'],
    'listen.address': socketOf(scope, 'php'),
    'pm.max_children': 2,
    'pm.worker_concurrency': CHILDREN,
  });
  const daemon = await startDaemon(scope, {
    pools: { php: `env = { PHP_FCGI_CHILDREN = "${CHILDREN}" }\n${family}` },
    expectedLog: [/"pool":"php".*SIGKILL/],
  });
  const address = unixSocket(socketOf(scope, 'php'));

  /** The children of each worker, when there are as many as there should be. */
  const families = (): Promise<Map<number, Seen[]>> =>
    until(
      async () => {
        const pids = workerPids(await daemon.status(), 'php');
        const found = new Map(pids.map(pid => [pid, descendants(pid)]));
        return pids.length === 2 && [...found.values()].every(all => all.length === CHILDREN)
          ? found
          : undefined;
      },
      { what: 'two families' },
    );

  /** A request that is being answered when this resolves. */
  async function beginRequest(delayMs: number): Promise<{ answer: Promise<string>; pid: number }> {
    const before = readdirSync(begun);
    const answer = askPool(address, { query: String(delayMs), script });
    const pid = await until(() => readdirSync(begun).find(name => !before.includes(name)), {
      what: 'the request to begin',
    });
    return { answer, pid: Number(pid) };
  }

  await scope.test(
    'killed with -9, the parent takes its children with it, and a new family comes',
    async () => {
      const before = await families();
      const [victim = 0] = [...before.keys()];
      const children = before.get(victim) ?? [];
      assert.equal(children.length, CHILDREN);
      process.kill(victim, 'SIGKILL');
      await until(() => !children.some(isAlive), { what: 'its children to be gone' });
      const after = await families();
      assert.ok(!after.has(victim));
      assert.equal(poolOf(await daemon.status(), 'php').counters.crashed, 1);
    },
  );

  await scope.test('the children of a killed parent finish the request in hand', async () => {
    const before = await families();
    const { answer, pid } = await beginRequest(700);
    const parent = [...before].find(([, children]) => children.some(child => child.pid === pid))?.[0];
    assert.ok(parent !== undefined);
    process.kill(parent, 'SIGKILL');
    assert.equal(await answer, `done by ${pid}`);
    await families();
  });

  await scope.test('a child that dies is its parent’s to replace; the worker stays', async () => {
    const before = await families();
    const [child] = [...before.values()].flat();
    assert.ok(child !== undefined);
    process.kill(child.pid, 'SIGKILL');
    await until(() => !isAlive(child), { what: 'the child to be gone' });
    const after = await families();
    assert.deepEqual([...after.keys()], [...before.keys()]);
  });

  await scope.test('a reload replaces whole families, and requests in hand are finished', async () => {
    const before = await families();
    const { answer, pid } = await beginRequest(1000);
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
    assert.equal(await answer, `done by ${pid}`);
    await until(() => ![...before.values()].flat().some(isAlive), { what: 'the old children to be gone' });
    const after = await families();
    assert.ok([...after.keys()].every(it => !before.has(it)));
  });

  await scope.test('a stop lets the children finish their requests, and leaves none', async () => {
    const before = await families();
    const { answer, pid } = await beginRequest(1000);
    await daemon.stop();
    assert.equal(await answer, `done by ${pid}`);
    assert.ok(![...before.values()].flat().some(isAlive));
  });
});
