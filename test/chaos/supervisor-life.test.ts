/** The supervisor is killed while it starts, stops and recycles, and at random: see also supervisor-steps. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { contradictions, isSettled } from '../lib/death-walk.ts';
import { startLoad } from '../lib/load.ts';
import { type Mortal, type Step, startMortal } from '../lib/mortal.ts';
import { openInner, type Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { type PoolKeys, poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;
const LOG = [/is not a worker and continues/, /"event":"reloadFailed"/];

interface Life {
  readonly mortal: Mortal;
  readonly port: number;
  readonly load: (isRight: (body: string) => boolean) => ReturnType<typeof startLoad>[];
}

/** A pool on a Unix socket, and the same on TCP. */
async function begin(place: Place, keys: PoolKeys, first?: Step): Promise<Life> {
  const port = await freePort();
  const socket = `${place.dir}/daemon/run/unix.sock`;
  const pools = {
    unix: poolText({ ...keys, 'listen.address': socket }),
    tcp: poolText({ ...keys, 'listen.address': `127.0.0.1:${port}` }),
  };
  const mortal = await startMortal(place, { pools, expectedLog: LOG }, first);
  const addresses = [unixSocket(socket), { type: 'tcp', host: '127.0.0.1', port } as const];
  return { mortal, port, load: isRight => addresses.map(it => startLoad(place, it, 2, isRight)) };
}

async function inOrder(
  { mortal, port }: Life,
  isMeant: (status: Status) => boolean = () => true,
): Promise<Status> {
  let wrong: readonly string[] = [];
  return await until(
    async () => {
      const status = await mortal.daemon.status().catch(() => undefined);
      if (status === undefined || !isMeant(status) || !isSettled(status)) return undefined;
      wrong = contradictions(mortal, status, [port]);
      return wrong.length === 0 ? status : undefined;
    },
    { what: 'a daemon in order', deadlineMs: 30_000, explain: () => wrong.join('\n') },
  );
}

/** Each in a place of its own. */
async function each(
  scope: Scope,
  what: string,
  steps: readonly Step[],
  test: (place: Place, step: Step) => Promise<void>,
): Promise<void> {
  for (const [n, step] of steps.entries()) {
    const { when, request, skip } = step;
    await scope.test(`${what}: killed ${when} ${request}, number ${skip + 1}`, async () => {
      const place = openInner(scope, `${n}`);
      await test(place, step);
      await place.close();
    });
  }
}

const before = (request: string, skip = 0): Step => ({ request, skip, when: 'before' });
const after = (request: string, skip = 0): Step => ({ request, skip, when: 'after' });
const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);

suite('chaos/supervisor-life-start', { needs: NEEDS, timeoutMs: 300_000 }, async scope => {
  const keys = { command: [await compileFixture('hello')], stop_is_graceful: true };
  const steps = [
    before('hello'),
    before('settle'),
    after('settle'),
    after('note config'),
    before('listen'),
    after('listen'),
    after('spawn', 1),
    before('announce'),
  ];
  await each(scope, 'start', steps, async (place, step) => {
    const life = await begin(place, keys, step);
    assert.ok(life.mortal.isFired());
    const { pools } = await inOrder(life);
    assert.deepEqual(
      pools.map(({ counters }) => [counters.spawned, counters.exited]),
      [
        [2, 0],
        [2, 0],
      ],
    );
  });
});

suite('chaos/supervisor-life-stop', { needs: NEEDS, timeoutMs: 300_000 }, async scope => {
  // Told to stop between accept and the first bytes, libfcgi drops the request: it is not graceful.
  const keys = { command: [await compileFixture('hello'), '--delay-ms=100'] };
  const steps = [
    before('note stopping'),
    after('note stopping'),
    after('refuse', 1),
    after('signal'),
    before('acknowledge', 1),
    before('unlisten', 1),
    before('finish'),
  ];
  await each(scope, 'stop', steps, async (place, step) => {
    const life = await begin(place, keys);
    const { mortal } = life;
    const loads = life.load(isHello);
    for (const load of loads) await load.more(2);
    mortal.plan(step);
    await mortal.post('stop', {});
    // What was asked for before the supervisor took it has to be asked for again.
    if (step.request === 'note stopping' && step.when === 'before') await mortal.daemon.stop();
    const { code } = await mortal.daemon.exited;
    assert.deepEqual([code, mortal.isFired()], [0, true]);
    for (const load of loads) {
      const lost = (await load.end()).filter(it => !/ECONNREFUSED|ENOENT/.test(it));
      assert.deepEqual(lost, [], 'who was let in is answered');
    }
  });
});

suite('chaos/supervisor-life-recycle', { needs: NEEDS, timeoutMs: 300_000 }, async scope => {
  const program = await compileFixture('storm', ['-pthread']);
  const life = await begin(scope, { command: [program, '--delay-ms=5'], 'pm.max_lifetime': '2s' });
  const { mortal } = life;
  const loads = life.load(body => /^\d+ /.test(body));
  for (const step of [
    after('spawn'),
    after('freeze'),
    after('tag draining'),
    after('release kill'),
    before('tag leaving'),
    after('acknowledge'),
  ]) {
    const { when, request } = step;
    await scope.test(`recycle: killed ${when} ${request}`, async () => {
      mortal.plan(step);
      await until(() => mortal.isFired(), { what: 'the step', deadlineMs: 30_000 });
      await inOrder(life);
      for (const load of loads) await load.more(10);
    });
  }
  for (const load of loads) assert.deepEqual(await load.end(), []);
});

suite('chaos/supervisor-life-random', { needs: NEEDS, timeoutMs: 300_000 }, async scope => {
  const program = await compileFixture('storm', ['-pthread']);
  const life = await begin(scope, { command: [program, '--delay-ms=5'] });
  const { mortal } = life;
  const loads = life.load(body => /^\d+ /.test(body));
  await scope.test('ten kills at random moments of reloads and scaling: 0 failed', async () => {
    for (let death = 0; death < 10; death++) {
      const { supervisor_pid: victim } = await mortal.daemon.statusWhen(
        'a supervisor',
        it => it.state !== 'degraded',
      );
      const doing = [
        mortal.post('reload', {}),
        mortal.post('scale', { pool: 'unix', workers: 1 + (death % 4), force: true }),
        mortal.post('scale', { pool: 'tcp', workers: 4 - (death % 4), force: true }),
      ];
      await delay(Math.random() * 400);
      process.kill(victim, 'SIGKILL');
      await Promise.all(doing);
      for (const load of loads) await load.more(5);
      await mortal.daemon.statusWhen(
        'another',
        it => it.supervisor_pid !== victim && it.state !== 'degraded',
      );
    }
    const status = await inOrder(life);
    for (const name of ['unix', 'tcp']) assert.ok(poolOf(status, name).processes.length > 0);
    for (const load of loads) assert.deepEqual(await load.end(), []);
  });
});
