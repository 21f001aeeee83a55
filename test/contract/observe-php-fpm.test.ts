/** What `observe` says of a real php-fpm whose workers are all busy, beside what php-fpm says of itself. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Observation } from '../../src/cli/observe-look.ts';
import { sendRequest } from '../../src/client/send-request.ts';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { runCommand } from '../lib/command.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { findPhpFpm } from '../lib/needs.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { freePort } from '../lib/ports.ts';
import { startProcess } from '../lib/server.ts';
import { IS_ROOT, type Scope, suite } from '../lib/suite.ts';

const CHILDREN = 2;
const REQUESTS = 5;

/** One pool, and a second listener that answers with its status while all its workers are busy. */
async function startPhpFpm(scope: Scope, listen: string, statusSocket: string, pm = 'static'): Promise<void> {
  const dir = join(scope.dir, 'fpm');
  mkdirSync(dir);
  const user = IS_ROOT ? 'www-data' : userInfo().username;
  const lines = [
    '[global]',
    `error_log = ${join(dir, 'error.log')}`,
    'daemonize = no',
    '[www]',
    ...(IS_ROOT ? ['user', 'group', 'listen.owner', 'listen.group'].map(key => `${key} = ${user}`) : []),
    `listen = ${listen}`,
    'listen.backlog = 100',
    `pm = ${pm}`,
    `pm.max_children = ${CHILDREN}`,
    'pm.status_path = /status',
    `pm.status_listen = ${statusSocket}`,
  ];
  writeFileSync(join(dir, 'php-fpm.conf'), `${lines.join('\n')}\n`);
  await startProcess(scope, {
    command: findPhpFpm() ?? 'php-fpm',
    args: ['-n', '--fpm-config', join(dir, 'php-fpm.conf')],
    dir,
    errorLog: join(dir, 'error.log'),
    endSignal: 'SIGTERM',
    ownSession: true,
  });
}

async function ownStatus(statusSocket: string): Promise<Record<string, number>> {
  const answer = await sendRequest({
    address: unixSocket(statusSocket),
    protocol: 'fastcgi',
    params: [
      ['REQUEST_METHOD', 'GET'],
      ['SCRIPT_NAME', '/status'],
      ['SCRIPT_FILENAME', '/status'],
      ['QUERY_STRING', 'json'],
    ],
    body: null,
    timeoutMs: 20_000,
  });
  const body = await text(answer.body);
  await answer.end;
  return JSON.parse(body) as Record<string, number>;
}

async function observe(address: string): Promise<Observation> {
  const args = [MAIN, 'observe', address, '--count', '1', '--json'];
  const { code, stdout, stderr } = await runCommand(process.execPath, args);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as Observation;
}

suite('contract/observe-php-fpm', { needs: ['php-fpm'] }, async scope => {
  const script = join(placeFixture(scope, 'php'), 'hold.php');
  const port = await freePort();
  const socket = join(scope.dir, 'x.sock');
  symlinkSync(socket, join(scope.dir, 'link.sock'));
  for (const listen of [socket, `127.0.0.1:${port}`]) {
    const kind = listen === socket ? 'Unix' : 'TCP';
    await scope.test(
      `${kind}: the queue, the connections and the busy workers are the true ones`,
      async () => {
        const dir = join(scope.dir, kind);
        mkdirSync(dir);
        const statusSocket = join(dir, 'status.sock');
        await startPhpFpm({ ...scope, dir }, listen, statusSocket);
        const address =
          kind === 'Unix' ? unixSocket(socket) : { type: 'tcp' as const, host: '127.0.0.1', port };
        await until(() => askPool(address, { script, query: '/' }).catch(() => false as const), {
          what: 'php-fpm',
        });
        const idle = await observe(kind === 'Unix' ? join(scope.dir, 'link.sock') : String(port));
        assert.equal(idle.is_listening, true);
        assert.deepEqual(idle.queue, { length: 0, max: 0, limit: 100 });
        assert.deepEqual(idle.workers, { total: CHILDREN, busy: 0 });
        assert.equal(idle.connections, 0);
        assert.equal(idle.fpm_ts.workers, 2, idle.fpm_ts.reason);

        const end = join(dir, 'end');
        const answers = Array.from({ length: REQUESTS }, () => askPool(address, { script, query: end }));
        await until(
          async () => {
            const { connections, queue } = await observe(listen);
            return connections === CHILDREN && queue.length === REQUESTS - CHILDREN;
          },
          { what: `${REQUESTS} requests to arrive` },
        );
        const busy = await observe(listen); // the last one may still have seen them arrive
        assert.deepEqual(busy.queue, { length: REQUESTS - CHILDREN, max: REQUESTS - CHILDREN, limit: 100 });
        assert.deepEqual(busy.workers, { total: CHILDREN, busy: CHILDREN });
        assert.equal(busy.connections, CHILDREN);
        assert.equal(busy.fpm_ts.workers, REQUESTS + 2, busy.fpm_ts.reason);
        const own = (await ownStatus(statusSocket))['listen queue'];
        assert.equal(own, kind === 'Unix' ? 0 : REQUESTS - CHILDREN);
        scope.diagnostic(`${kind}: ${REQUESTS - CHILDREN} wait; php-fpm says ${own}`);
        writeFileSync(end, '');
        assert.deepEqual(await Promise.all(answers), Array(REQUESTS).fill('done'));
      },
    );
  }

  await scope.test('on demand, before anybody came: its master is no worker', async () => {
    const dir = join(scope.dir, 'idle');
    mkdirSync(dir);
    const listen = join(dir, 'x.sock');
    await startPhpFpm({ ...scope, dir }, listen, join(dir, 'status.sock'), 'ondemand');
    await until(() => existsSync(listen), { what: 'php-fpm' });
    assert.deepEqual((await observe(listen)).workers, { total: 0, busy: 0 });
  });
});
