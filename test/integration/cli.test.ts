/** Every command against a running daemon: what it prints, its --json, its exit code, and what it does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type CommandResult, cleanEnvironment } from '../lib/command.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { mismatch, publishedOpenApi } from '../lib/openapi.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools, scriptPool } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { type ErrorBody, poolOf, type Status, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi'] as const;
const document = publishedOpenApi();

/** Runs the command with --json, which must succeed, and gives its result as the document describes it. */
async function json(daemon: Daemon, method: string, path: string, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await daemon.cli(...args, '--json');
  assert.deepEqual([code, stderr], [0, ''], `${args.join(' ')}: ${stdout}`);
  const result = JSON.parse(stdout) as unknown;
  assert.equal(mismatch(document, { method, path, status: 200 }, result), undefined, stdout);
  return result;
}

async function words(daemon: Daemon, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(...args);
  assert.deepEqual([code, stderr], [0, ''], `${args.join(' ')}: ${stdout}`);
  return stdout;
}

async function assertError(result: Promise<CommandResult>, exit: number, code: string): Promise<ErrorBody> {
  const { code: exitCode, stdout, stderr } = await result;
  assert.deepEqual([exitCode, stderr], [exit, ''], stdout);
  const body = JSON.parse(stdout) as ErrorBody;
  assert.equal(body.error.code, code);
  return body;
}

interface Running {
  lines(): string[];
  /** Ends it with that signal. @returns what its exit said */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A command that goes on until it is ended. */
function startCommand(scope: Scope, daemon: Daemon, ...args: string[]): Running {
  const child = spawn(process.execPath, [MAIN, '-c', daemon.configFile, ...args], {
    cwd: daemon.dir,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  const end: Running['end'] = signal => {
    child.kill(signal);
    return exited;
  };
  scope.defer(async () => {
    await end('SIGKILL');
  });
  return { lines: () => text.split('\n').slice(0, -1), end };
}

suite('integration/cli', { needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), api: hello('api', { 'pm.max_children': 1 }) },
    expectedLog: [/SIGKILL/],
  });

  await scope.test(
    'status: a table, without escapes where it is not a terminal; a pool with its workers',
    async () => {
      const all = await words(daemon, 'status');
      assert.match(all, /^fpm-ts \S+, running, pid \d+, up \d+s$/m);
      assert.match(all, /^POOL +STATE +WORKERS/m);
      assert.match(all, /^api +running +1\/1 .*api\.sock *$/m);
      assert.match(all, /^www +running +2\/2 .*www\.sock *$/m);
      assert.ok(!all.includes('\x1b'));
      const one = await words(daemon, 'status', 'www');
      assert.doesNotMatch(one, /^api/m);
      for (const pid of workerPids(await daemon.status(), 'www'))
        assert.match(one, new RegExp(`^${pid} `, 'm'));
    },
  );

  await scope.test('status --json has the fields of its contract, and their values are true', async () => {
    const status = (await json(daemon, 'GET', '/v1/status', 'status')) as Status;
    assert.deepEqual(
      [status.schema, status.pid, status.state, status.last_reload, status.config_changed_on_disk],
      [1, daemon.pid, 'running', null, false],
    );
    assert.ok(Math.abs(Date.parse(status.started_at) + status.uptime_seconds * 1000 - Date.now()) < 60_000);
    const { processes, workers, counters, ...www } = poolOf(status, 'www');
    assert.deepEqual(www, {
      name: 'www',
      state: 'running',
      reason: '',
      paused: false,
      protocol: 'fastcgi',
      dispatch: 'shared',
      pm: { mode: 'static', max_children: 2 },
      listen: { address: `${daemon.runDir}/www.sock` },
      queue: { length: 0, max: 0, limit: 511 },
      reload: null,
    });
    assert.deepEqual(workers, { total: 2, idle: 2, active: 0, starting: 0, stopping: 0, max_active: 0 });
    assert.deepEqual(counters, {
      spawned: 2,
      exited: 0,
      crashed: 0,
      max_children_reached: 0,
      slow_requests: 0,
      reloads: 0,
      accepted_connections: null,
    });
    for (const { pid, generation, adopted } of processes) {
      assert.ok(existsSync(`/proc/${pid}`));
      assert.deepEqual([generation, adopted], [1, false]);
    }
    const one = (await json(daemon, 'GET', '/v1/status', 'status', 'api')) as Status;
    assert.deepEqual(
      one.pools.map(({ name }) => name),
      ['api'],
    );
  });

  await scope.test('status --watch prints again and again until it is interrupted', async () => {
    const watching = startCommand(scope, daemon, 'status', '--watch', '--json');
    const [first, second] = await until(() => (watching.lines().length >= 2 ? watching.lines() : undefined), {
      what: 'two reports',
    });
    const uptimes = [first, second].map(line => (JSON.parse(line ?? '') as Status).uptime_seconds);
    assert.ok((uptimes[0] ?? 0) < (uptimes[1] ?? 0));
    assert.deepEqual(await watching.end('SIGINT'), { code: null, signal: 'SIGINT' });
  });

  await scope.test('status --check: 0 when all is well, 1 when a pool is stopped, and back', async () => {
    assert.equal((await daemon.cli('status', '--check')).code, 0);
    assert.equal(await words(daemon, 'stop', 'api'), 'stopped api\n');
    const { code, stdout } = await daemon.cli('status', '--check');
    assert.equal(code, 1);
    assert.match(stdout, /^api +stopped +0\/1/m);
    assert.equal((await daemon.cli('status', 'www', '--check')).code, 0);
    assert.equal(await words(daemon, 'start', 'api'), 'started api\n');
    assert.equal((await daemon.cli('status', '--check')).code, 0);
  });

  await scope.test('stop and start of pools: sockets go and come, the others stay', async () => {
    const socket = `${daemon.runDir}/api.sock`;
    const before = workerPids(await daemon.status(), 'www');
    assert.deepEqual(await json(daemon, 'POST', '/v1/stop', 'stop', 'api'), {
      pid: daemon.pid,
      stopped: ['api'],
    });
    assert.equal(existsSync(socket), false);
    await words(daemon, 'stop', 'api'); // harmless twice
    assert.deepEqual(await json(daemon, 'POST', '/v1/start', 'start', 'api'), { started: ['api'] });
    assert.equal(existsSync(socket), true);
    await words(daemon, 'start', 'api'); // harmless twice
    const after = await daemon.status();
    assert.equal(poolOf(after, 'api').state, 'running');
    assert.deepEqual(workerPids(after, 'www'), before);
    await words(daemon, 'stop', 'api', 'www', '--now');
    await words(daemon, 'start', 'www', 'api');
  });

  await scope.test('scale: up, down, to nothing, and until the next reload', async () => {
    const workers = (count: number): Promise<Status> =>
      daemon.statusWhen(`${count} workers`, status => poolOf(status, 'www').workers.idle === count);
    assert.match(
      await words(daemon, 'scale', '--force', 'www', '4'),
      /^pool www is scaled to 4 until the next reload\nby what the present ones use \(.* each\), 2 more take .*\n$/,
    );
    const four = workerPids(await workers(4), 'www');
    assert.deepEqual(await json(daemon, 'POST', '/v1/scale', 'scale', 'www', '1'), {
      pool: 'www',
      workers: 1,
    });
    const [last] = workerPids(await workers(1), 'www');
    assert.ok(four.includes(last ?? 0));
    await words(daemon, 'scale', 'www', '0');
    assert.equal(poolOf(await workers(0), 'www').state, 'running');
    await words(daemon, 'reload', 'www');
    assert.equal(poolOf(await daemon.status(), 'www').workers.total >= 2, true);
    await workers(2);
  });

  await scope.test('reload: in words, of one pool, and --dry-run does nothing', async () => {
    const before = await daemon.status();
    assert.equal(
      await words(daemon, 'reload', '--dry-run'),
      'pool api gets new workers\npool www gets new workers\nnothing was done (--dry-run)\n',
    );
    assert.equal(
      await words(daemon, 'reload', '--changed', '--dry-run'),
      'pool api stays as it is\npool www stays as it is\nnothing was done (--dry-run)\n',
    );
    assert.deepEqual(await json(daemon, 'POST', '/v1/reload', 'reload', '--dry-run', 'api'), {
      dry_run: true,
      pools: [{ pool: 'api', action: 'roll', changes: [] }],
      needs_restart: [],
      notices: [],
    });
    const between = await daemon.status();
    assert.deepEqual(between.last_reload, before.last_reload);
    for (const name of ['api', 'www']) assert.deepEqual(workerPids(between, name), workerPids(before, name));
    assert.equal(await words(daemon, 'reload', 'api'), 'pool api gets new workers\nreloaded\n');
    const after = await daemon.status();
    assert.notDeepEqual(workerPids(after, 'api'), workerPids(before, 'api'));
    assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
    assert.deepEqual([after.last_reload?.ok, after.last_reload?.code], [true, 0]);
  });

  await scope.test('check does not complain about what our own daemon holds', async () => {
    assert.match(await words(daemon, 'check'), /is good, 2 pools/);
  });

  await scope.test(
    'an unknown pool: exit code 66, whichever command, and it is no failed reload',
    async () => {
      const before = (await daemon.status()).last_reload;
      const calls = [
        ['status', 'nope'],
        ['stop', 'nope'],
        ['start', 'nope'],
        ['reload', 'nope'],
        ['scale', 'nope', '1'],
        ['request', 'nope', '/'],
      ];
      for (const call of calls) {
        const { error } = await assertError(daemon.cli(...call, '--json'), 66, 'NO_SUCH_POOL');
        assert.match(error.message, /nope.*api, www/, call.join(' '));
        assert.match((await daemon.cli(...call)).stderr, /^fpm-ts: there is no pool nope/);
      }
      assert.deepEqual((await daemon.status()).last_reload, before);
    },
  );

  await scope.test(
    'request: body, headers, JSON, and the exit code of an answer that is an error',
    async () => {
      assert.match(await words(daemon, 'request', 'www', '/'), /^hello from \d+\n$/);
      assert.match(
        await words(daemon, 'request', 'www', '/', '-i'),
        /^HTTP\/1\.1 200 OK\r?\n.*Content-Type: text\/plain\r?\n.*\r?\n\r?\nhello from \d+\n$/s,
      );
      const { stdout } = await daemon.cli('request', 'www', '/?delay_ms=1', '--json', '-d', 'a=1');
      const { status, body } = JSON.parse(stdout) as { status: number; body: string };
      assert.equal(status, 200);
      assert.match(body, /^hello from \d+\n$/);
      const cut = await daemon.cli('request', 'www', '/?die=1', '--json');
      assert.equal(cut.code, 1);
      await daemon.statusWhen('the worker to be replaced', it => poolOf(it, 'www').workers.idle === 2);
      await words(daemon, 'stop', 'api');
      await assertError(daemon.cli('request', 'api', '/', '--json'), 1, 'FAILED');
      await words(daemon, 'start', 'api');
    },
  );

  await scope.test('serve: an HTTP front that says where it listens, until it is told to end', async () => {
    const port = await freePort();
    const front = startCommand(scope, daemon, 'serve', 'www', '--http', `127.0.0.1:${port}`);
    await until(() => front.lines().some(line => line.includes(`http://127.0.0.1:${port}`)), {
      what: 'serve to say where it listens',
      explain: () => front.lines().join('\n'),
    });
    const answer = await ask(`http://127.0.0.1:${port}/`);
    assert.equal(answer.status, 200);
    assert.match(answer.text, /^hello from \d+\n$/);
    assert.deepEqual(await front.end('SIGTERM'), { code: 0, signal: null });
  });

  await scope.test('reopen-logs', async () => {
    assert.equal(await words(daemon, 'reopen-logs'), 'logs reopened\n');
    assert.deepEqual(await json(daemon, 'POST', '/v1/reopen-logs', 'reopen-logs'), { reopened: true });
  });

  await scope.test('stop --json says what it stopped, and returns when all is gone', async () => {
    const status = await daemon.status();
    const pids = [
      daemon.pid,
      status.supervisor_pid,
      ...['api', 'www'].flatMap(name => workerPids(status, name)),
    ];
    assert.deepEqual(await json(daemon, 'POST', '/v1/stop', 'stop'), {
      pid: daemon.pid,
      stopped: ['api', 'www'],
    });
    assert.deepEqual(
      pids.filter(pid => existsSync(`/proc/${pid}/exe`)),
      [],
    );
  });
});

suite('integration/cli-degraded', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: { bad: scriptPool('exit 3'), good: scriptPool('exec sleep 1000') },
    ready: status => poolOf(status, 'bad').state === 'failed' && poolOf(status, 'good').state === 'running',
    expectedLog: [/pool bad/],
  });

  await scope.test('status shows the failed pool and why; --check exits with 1', async () => {
    const { code, stdout } = await daemon.cli('status', '--check');
    assert.equal(code, 1);
    assert.match(stdout, /^bad +failed/m);
    assert.match(stdout, /^bad: .*code 3/m);
    assert.equal((await daemon.cli('status', 'good', '--check')).code, 0);
  });

  await scope.test('start of a pool that fails: exit code 1, with the reason', async () => {
    assert.equal((await daemon.cli('stop', 'bad')).code, 0);
    const { error } = await assertError(daemon.cli('start', 'bad', '--json'), 1, 'POOL_FAILED');
    assert.match(error.message, /pool bad.*code 3/);
  });
});
