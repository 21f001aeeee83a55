/** Supervisors that die one after the other: the workers serve, and the keeper answers on the control socket. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { status as statusCommand } from '../../src/commands/status.ts';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { curl } from '../lib/curl.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { startLoad } from '../lib/load.ts';
import { FIXTURES } from '../lib/paths.ts';
import { openInner, type Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { poolText } from '../lib/pools.ts';
import { type ErrorBody, poolOf, workerPids } from '../lib/status.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);
const EXPECTED = [
  /supervisor \d+ ended/,
  /supervisor restarted/,
  /there is no supervisor/,
  /does not understand/,
];

interface Doomed {
  readonly daemon: Daemon;
  readonly socket: string;
  /** From now on each supervisor ends like this as soon as it is started; null: no more. */
  readonly doom: (how: object | null) => void;
  /** Kills the supervisor that is there, and waits for the keeper to answer. */
  readonly untilStandIn: () => Promise<void>;
}

/** `failing-main.mjs` starts supervisors that end at once where a file says so. */
async function startDoomed(place: Place): Promise<Doomed> {
  const inner = openInner(place, 'daemon');
  const file = join(place.dir, 'doom.json');
  writeFileSync(file, '{}');
  const socket = join(inner.dir, 'run', 'www.sock');
  const hello = await compileFixture('hello');
  const pool = (path: string): string =>
    poolText({ command: [hello], 'listen.address': path, stop_is_graceful: true });
  const daemon = await startDaemon(inner, {
    pools: { www: pool(socket), other: pool(join(inner.dir, 'run', 'other.sock')) },
    program: [process.execPath, join(FIXTURES, 'node', 'failing-main.mjs')],
    config: 'control.group = "games"',
    env: { FPM_TS_DOOM: file },
    expectedLog: EXPECTED,
  });
  return {
    daemon,
    socket,
    doom: how => writeFileSync(file, JSON.stringify(how ?? {})),
    async untilStandIn() {
      const { supervisor_pid: supervisor } = await daemon.status();
      process.kill(supervisor, 'SIGKILL');
      await daemon.statusWhen('the keeper to answer', it => it.state === 'degraded');
    },
  };
}

suite('integration/stand-in', { needs: ['gcc', 'libfcgi', 'curl', 'setpriv'] }, async scope => {
  const { daemon, socket, doom, untilStandIn } = await startDoomed(scope);
  const load = startLoad(scope, unixSocket(socket), 2, isHello);
  const before = await daemon.status();
  const answer = (path: string, body?: string): ReturnType<typeof ask> =>
    ask(`http://control${path}`, {
      socketPath: daemon.controlSocket,
      ...(body === undefined ? {} : { method: 'POST', body }),
    });

  await scope.test(
    'status is answered by the keeper: who runs, why there is no supervisor, and null for the rest',
    async () => {
      doom({ code: 7 });
      await untilStandIn();
      const { text } = await answer('/v1/status');
      const status = statusCommand.result(z).parse(JSON.parse(text));
      assert.equal(status.pid, daemon.pid);
      assert.equal(status.supervisor_pid, null);
      assert.equal(status.config_changed_on_disk, null);
      assert.match(
        status.reason,
        /^the supervisor has died \d+ times in a row \(the last: supervisor \d+ ended \(code 7\)\)/,
      );
      assert.match(status.reason, /the next try is in [\d.]+ s|another one is being started/);
      assert.deepEqual(
        status.pools.map(({ name }) => name),
        ['other', 'www'],
      );
      for (const name of ['www', 'other']) {
        const pool = status.pools.find(it => it.name === name);
        assert.deepEqual(
          pool?.processes.map(({ pid }) => pid).sort((a, b) => a - b),
          workerPids(before, name),
        );
        const known = poolOf(before, name);
        assert.deepEqual([pool?.listen, pool?.pm, pool?.protocol], [known.listen, known.pm, known.protocol]);
        assert.equal(pool?.state, 'degraded');
        assert.deepEqual(
          [pool?.counters.spawned, pool?.workers.idle, pool?.queue.length],
          [null, null, null],
        );
      }
    },
  );

  await scope.test('as a table, of one pool, and as a failed check', async () => {
    const table = await daemon.cli('status');
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /^fpm-ts \S+, degraded, pid \d+/);
    assert.match(table.stdout, /^the supervisor has died/m);
    assert.match(table.stdout, /^www +degraded +2\/2 +- +- +- +- /m);
    const one = await daemon.cli('status', 'www', '--json');
    assert.deepEqual(
      (JSON.parse(one.stdout) as typeof before).pools.map(({ name }) => name),
      ['www'],
    );
    assert.equal((await daemon.cli('status', '--check')).code, 1);
    const both = await daemon.cli('status', 'www', 'other', '--json');
    assert.equal((JSON.parse(both.stdout) as typeof before).pools.length, 2);
    assert.equal((await daemon.cli('status', 'www', 'nobody')).code, 66);
  });

  await scope.test('other commands are told why not, and what works, with 69', async () => {
    for (const command of [
      ['reload'],
      ['scale', '--force', 'www', '3'],
      ['explain', 'www'],
      ['stop', 'www'],
      ['reopen-logs'],
    ]) {
      const { code, stderr } = await daemon.cli(...command);
      assert.equal(code, 69, `${command.join(' ')}: ${stderr}`);
      assert.match(stderr, /there is no supervisor to do this: the supervisor has died \d+ times in a row/);
      assert.match(stderr, /`fpm-ts stop` \(of everything\) work meanwhile/);
    }
  });

  await scope.test('garbage, a body that is too long and one that is no JSON are answered', async () => {
    assert.equal((await answer('/v1/reload', '{}')).status, 503);
    assert.equal((await answer('/')).status, 404);
    assert.equal((await answer('/v1/stop')).status, 405);
    assert.equal((await answer('/v1/stop', '{"now":')).status, 400);
    assert.equal((await answer('/v1/stop', 'null')).status, 400);
    assert.equal((await answer('/v1/reload', 'x'.repeat(70_000))).status, 413);
  });

  if (IS_ROOT)
    await scope.test('only those may look who may otherwise', async () => {
      const told = async (path: string, user: string, groups: string): Promise<string> => {
        const as = ['setpriv', `--reuid=${user}`, '--regid=nogroup', groups];
        const answer = await curl(daemon.controlSocket, path, [], { as });
        return (answer.json() as Partial<ErrorBody>).error?.code ?? 'status';
      };
      const none = '--clear-groups';
      assert.equal(await told('/v1/status', 'nobody', none), 'NOT_ALLOWED');
      assert.equal(await told('/v1/status', 'nobody', '--groups=games'), 'status');
      assert.equal(await told('/v1/status', 'www-data', none), 'NOT_ALLOWED');
      assert.equal(await told('/v1/status?pool=www', 'www-data', none), 'status');
      // Refused before the body is read: one that is no JSON would be answered otherwise.
      const as = ['setpriv', '--reuid=nobody', '--regid=nogroup', none];
      const stop = await curl(daemon.controlSocket, '/v1/stop', ['--data', '{"now":'], { as });
      assert.equal(stop.status, 403);
    });

  await scope.test(
    'a supervisor that stays alive has its control socket again; nobody was lost meanwhile',
    async () => {
      await load.more(20);
      doom(null);
      const after = await daemon.statusWhen('a supervisor', it => it.state === 'running');
      assert.equal(after.reason, '');
      assert.ok(after.supervisor_pid !== null && after.supervisor_pid !== before.supervisor_pid);
      for (const name of ['www', 'other']) {
        assert.deepEqual(workerPids(after, name), workerPids(before, name));
        assert.deepEqual(poolOf(after, name).counters, poolOf(before, name).counters);
      }
      assert.equal((await daemon.cli('reload')).code, 0);
    },
  );

  await scope.test('one of another version is not heard; what helps is in log and status', async () => {
    doom({ hello: { protocol: 999, version: '99.0.0' } });
    await untilStandIn();
    const status = await daemon.statusWhen('the reason', it => it.reason.includes('99.0.0'));
    assert.match(
      status.reason,
      /version 99\.0\.0, protocol 999.*`fpm-ts upgrade`.*install version .* again, or stop and start/,
    );
    const told = daemon.log().filter(({ msg }) => msg?.includes('99.0.0') === true);
    assert.equal(told.length, 1, 'once');
    await load.more(20);
    assert.deepEqual(await load.end(), []);
  });

  await scope.test('stop works: the keeper ends the workers, and itself', async () => {
    const { code, stdout, stderr } = await daemon.cli('stop');
    assert.deepEqual([code, stdout], [0, 'stopped\n'], stderr);
    await until(async () => (await daemon.exited).code === 0, { what: 'the keeper to end' });
  });
});
