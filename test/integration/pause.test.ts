/** `fpm-ts pause` and `resume`: the number of workers stays, clients wait, and nobody is lost. */
import assert from 'node:assert/strict';
import type { CommandResult } from '../lib/command.ts';
import { DYNAMIC, type Gated, startGated } from '../lib/gated.ts';
import { ask } from '../lib/http.ts';
import { startNginxSite } from '../lib/nginx.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { openVersions } from '../lib/versions.ts';

const ON_DEMAND = { 'pm.mode': 'ondemand', 'pm.process_idle_timeout': '1s', 'pm.max_children': 4 };
const EXPECTED = [/SIGKILL/, /supervisor restarted/, /ended without stopping its workers/];

async function done({ daemon }: Gated, ...args: string[]): Promise<CommandResult> {
  const result = await daemon.cli(...args);
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
  return result;
}

suite('integration/pause', { needs: ['gcc'] }, async scope => {
  const versions = openVersions(scope, '1.0.0');
  const gated = await startGated(
    scope,
    { dynamic: { keys: DYNAMIC }, rest: { keys: ON_DEMAND } },
    { program: [process.execPath, versions.main], expectedLog: EXPECTED },
  );
  const { daemon, poolWhen } = gated;
  const isPausedAt = async (name: string, size: number, generation: number): Promise<void> => {
    const pool = await poolWhen(name, `${size} workers of generation ${generation}`, it =>
      [it.workers.total, it.workers.starting, it.workers.stopping].join() === `${size},0,0`
        ? it.processes.every(worker => worker.generation === generation)
        : false,
    );
    assert.deepEqual([pool.paused, pool.state], [true, 'running'], pool.reason);
    assert.match(pool.reason, new RegExp(`paused .*\`fpm-ts resume ${name}\``));
  };

  await scope.test('on demand with nobody: clients wait, and all are answered after resume', async () => {
    gated.open('rest');
    const { stdout } = await done(gated, 'pause', 'rest');
    assert.equal(stdout, 'pool rest is paused with 0 workers until `fpm-ts resume rest`\n');
    const answers = gated.ask(gated.address('rest'), 3);
    await poolWhen('rest', 'three to wait', ({ queue }) => queue.length === 3);
    await isPausedAt('rest', 0, 1);
    assert.equal((await done(gated, 'resume', 'rest')).stdout, 'pool rest is not paused any more\n');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    assert.equal(poolOf(await daemon.status(), 'rest').paused, false);
  });

  await scope.test('a load starts none, a worker that dies is replaced, nobody is retired', async () => {
    const { stdout } = await done(gated, 'pause', 'dynamic', 'rest', '--json');
    const { paused } = JSON.parse(stdout) as {
      readonly paused: readonly { pool: string; workers: number }[];
    };
    assert.deepEqual(
      paused.map(({ pool }) => pool),
      ['dynamic', 'rest'],
    );
    assert.equal(paused[0]?.workers, 3);
    const before = workerPids(await daemon.status(), 'dynamic');
    const answers = gated.ask(gated.address('dynamic'), 8);
    await gated.untilInHand(3);
    await poolWhen('dynamic', 'five to wait', ({ queue }) => queue.length === 5);
    assert.deepEqual(workerPids(await daemon.status(), 'dynamic'), before);
    gated.open('dynamic');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    const [victim = 0] = before;
    process.kill(victim, 'SIGKILL');
    await poolWhen('dynamic', 'a successor', ({ workers, processes }) => {
      return workers.total === 3 && workers.idle === 3 && processes.every(({ pid }) => pid !== victim);
    });
    assert.match((await done(gated, 'explain', 'dynamic')).stdout, / pause with 3 workers$/m);
  });

  await scope.test('scale is refused, and says what comes first', async () => {
    const { code, stderr } = await daemon.cli('scale', 'dynamic', '5');
    assert.equal(code, 1);
    assert.match(stderr, /is paused .*`fpm-ts resume dynamic` comes first/);
  });

  await scope.test('a reload replaces the workers and keeps the pause', async () => {
    await done(gated, 'reload', 'dynamic');
    await isPausedAt('dynamic', 3, 2);
  });

  await scope.test('so do the deaths of supervisor and keeper, and an upgrade', async () => {
    const before = workerPids(await daemon.status(), 'dynamic');
    const { supervisor_pid: supervisor } = await daemon.status();
    process.kill(supervisor, 'SIGKILL');
    await daemon.statusWhen('another supervisor', it => it.supervisor_pid !== supervisor);
    await isPausedAt('dynamic', 3, 2);
    versions.use('1.1.0');
    await done(gated, 'upgrade');
    await isPausedAt('dynamic', 3, 2);
    await daemon.crash();
    await daemon.startAgain();
    await isPausedAt('dynamic', 3, 2);
    assert.deepEqual(workerPids(await daemon.status(), 'dynamic'), before);
  });

  await scope.test('a stop ends the pause; a stopped pool cannot be paused or resumed', async () => {
    await done(gated, 'stop', 'dynamic');
    assert.equal(poolOf(await daemon.status(), 'dynamic').paused, false);
    for (const command of ['pause', 'resume']) {
      const { code, stderr } = await daemon.cli(command, 'dynamic');
      assert.equal(code, 1);
      assert.match(stderr, /pool dynamic is stopped: `fpm-ts start dynamic` starts it/);
    }
    await done(gated, 'start', 'dynamic');
    assert.equal(poolOf(await daemon.status(), 'dynamic').paused, false);
  });

  await scope.test('twice is as once; an unknown name changes nothing', async () => {
    await done(gated, 'resume', 'rest', 'dynamic');
    assert.equal((await daemon.cli('pause', 'rest', 'nobody')).code, 66);
    assert.equal(poolOf(await daemon.status(), 'rest').paused, false);
    for (let time = 0; time < 2; time++) await done(gated, 'pause', 'dynamic');
    for (let time = 0; time < 2; time++) await done(gated, 'resume', 'dynamic');
  });

  await scope.test('status of several pools, by name: in order, with their workers', async () => {
    const { stdout } = await done(gated, 'status', 'rest', 'dynamic', 'rest', '--json');
    const { pools } = JSON.parse(stdout) as Awaited<ReturnType<typeof daemon.status>>;
    assert.deepEqual(
      pools.map(({ name }) => name),
      ['rest', 'dynamic'],
    );
    assert.match((await done(gated, 'status', 'dynamic', 'rest')).stdout, /^PID .*GENERATION$/m);
    const { code, stderr } = await daemon.cli('status', 'dynamic', 'nobody');
    assert.deepEqual([code, /no pool nobody/.test(stderr)], [66, true], stderr);
  });
});

suite('integration/pause-nginx', { needs: ['gcc', 'nginx'] }, async scope => {
  const address = `127.0.0.1:${await freePort()}`;
  const gated = await startGated(scope, { www: { keys: { ...DYNAMIC, 'listen.address': address } } });
  const nginx = await startNginxSite(
    scope,
    port => `server { listen 127.0.0.1:${port}; location / {
      include /etc/nginx/fastcgi_params; fastcgi_pass ${address}; fastcgi_next_upstream off; } }`,
  );

  await scope.test('behind nginx: those who wait get their answers, none is an error', async () => {
    await done(gated, 'pause', 'www');
    const answers = Promise.all(Array.from({ length: 9 }, (_, at) => ask(`${nginx.url}/?n=${at + 1}`)));
    await gated.untilInHand(3);
    const { queue } = await gated.poolWhen('www', 'six to wait', it => it.queue.length === 6);
    assert.equal(queue.length, 6);
    await done(gated, 'resume', 'www');
    await gated.untilInHand(9);
    gated.open('www');
    assert.deepEqual(
      (await answers).map(({ status, text }) => [status, Number(text.split(' ')[1])]),
      Array.from({ length: 9 }, (_, at) => [200, at + 1]),
    );
  });
});
