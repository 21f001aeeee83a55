/** The log of a pool that cannot be opened, whatever its user has put in the way: it is told everywhere, until it is mended. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from '../lib/command.ts';
import { curl } from '../lib/curl.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { type PoolKeys, scriptPool } from '../lib/pools.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const ALICE = 4401;
const AS_ALICE = ['setpriv', `--reuid=${ALICE}`, `--regid=${ALICE}`, '--clear-groups'];
/** What each text about it has to say: where, why, what to do. */
const TOLD =
  /alice\.log could not be (re)?opened: .*alice\/logs is a symbolic link or no directory.*fpm-ts reopen-logs/;
const FORESEEN = /alice\/logs is a symbolic link or no directory.*set log\.file to a path/s;
/** One process, so that its end is the end of its pipes. */
const TALKING = `exec perl -e '$|=1; while (1) { print "tick\\n"; select undef, undef, undef, 0.1 }'`;
const SILENT = 'exec sleep 1000';

interface Home {
  readonly home: string;
  readonly logs: string;
  readonly log: string;
  readonly pool: (script: string, keys?: PoolKeys) => string;
  /** Alice exchanges the directory of the log for a link, or has it back. */
  readonly obstruct: () => void;
  readonly clear: () => void;
}

function aliceHome(scope: Scope): Home {
  chmodSync(scope.dir, 0o755);
  const home = join(scope.dir, 'alice');
  const logs = join(home, 'logs');
  for (const dir of [home, logs]) {
    mkdirSync(dir);
    chownSync(dir, ALICE, ALICE);
  }
  const log = join(logs, 'alice.log');
  const mine = { user: String(ALICE), group: String(ALICE), 'log.file': log };
  return {
    home,
    logs,
    log,
    pool: (script, keys = {}) => scriptPool(script, { ...mine, ...keys }),
    obstruct: () => {
      renameSync(logs, join(home, 'kept'));
      execFileSync(AS_ALICE[0] ?? '', [...AS_ALICE.slice(1), 'ln', '-s', 'kept', logs]);
    },
    clear: () => {
      unlinkSync(logs);
      renameSync(join(home, 'kept'), logs);
    },
  };
}

async function succeed(daemon: Daemon, ...args: string[]): Promise<CommandResult> {
  const result = await daemon.cli(...args);
  assert.equal(result.code, 0, result.stderr + result.stdout);
  return result;
}

for (const [what, script] of [
  ['talking', TALKING],
  ['silent', SILENT],
] as const)
  suite(`root/unopened-log-${what}`, { root: true, needs: ['setpriv', 'curl'] }, async scope => {
    const { log, pool, obstruct, clear } = aliceHome(scope);
    const own = join(scope.dir, 'own.log');
    const daemon = await startDaemon(scope, {
      pools: { alice: pool(script), own: scriptPool(TALKING, { 'log.file': own }) },
      expectedLog: [/alice/, /reload failed/, /^.*supervisor \d+ ended|"event":"restored"/],
    });
    const pidOf = (status: Status): number | undefined => poolOf(status, 'alice').processes[0]?.pid;
    /** The last pipe ends, and the next worker's log is opened anew. */
    const replaceWorker = async (): Promise<void> => {
      const pid = pidOf(await daemon.status()) ?? 0;
      process.kill(pid, 'SIGKILL');
      await daemon.statusWhen(
        'another worker',
        now => (pidOf(now) ?? pid) !== pid && poolOf(now, 'alice').workers.idle !== 0,
      );
    };
    const assertTold = async (): Promise<void> => {
      const status = await daemon.statusWhen(
        'status to tell',
        now => poolOf(now, 'alice').state === 'degraded' && TOLD.test(poolOf(now, 'alice').reason ?? ''),
      );
      assert.equal(poolOf(status, 'own').state, 'running');
      assert.equal((await daemon.cli('status', '--check')).code, 1);
      const answer = await curl(daemon.controlSocket, '/v1/status?pool=alice', [], { as: AS_ALICE });
      assert.match(poolOf(answer.json() as Status, 'alice').reason ?? '', TOLD);
    };
    const assertMended = async (): Promise<void> => {
      await daemon.statusWhen('alice to run', now => poolOf(now, 'alice').state === 'running');
      assert.equal((await daemon.cli('status', '--check')).code, 0);
      if (what === 'silent') return;
      const { size } = statSync(log);
      await until(() => statSync(log).size > size, { what: 'lines in the log' });
    };

    await scope.test(
      'it cannot be opened: the log, status, reopen-logs, check and reload say so',
      async () => {
        obstruct();
        await replaceWorker();
        await assertTold();
        const told = daemon.log().filter(({ msg }) => TOLD.test(String(msg)));
        assert.equal(told.length, 1);
        assert.match(String(told[0]?.msg), /^pool alice: log /);
        for (const _ of [1, 2]) {
          const { stdout, stderr } = await succeed(daemon, 'reopen-logs');
          assert.equal(stdout, 'logs reopened\n');
          assert.match(stderr, /^fpm-ts: warning: pool alice: log /);
          assert.match(stderr, TOLD);
        }
        const check = await daemon.cli('check');
        assert.equal(check.code, 78);
        assert.match(check.stdout + check.stderr, FORESEEN);
        const reload = await daemon.cli('reload', 'alice');
        assert.equal(reload.code, 1);
        assert.match(reload.stderr, FORESEEN);
        await assertTold();
        if (what === 'talking')
          assert.ok(daemon.log().some(({ msg, pool: name }) => msg === 'tick' && name === 'alice'));
      },
    );

    await scope.test('the next supervisor knows it', async () => {
      const { supervisor_pid: pid } = await daemon.status();
      process.kill(pid, 'SIGKILL');
      await daemon.statusWhen('the next supervisor', now => now.supervisor_pid !== pid);
      await assertTold();
    });

    await scope.test('the obstacle is gone: reopen-logs opens it', async () => {
      clear();
      if (what === 'silent') {
        const { stdout } = await succeed(daemon, 'reload', '--changed');
        assert.match(stdout, TOLD, 'nothing was opened yet, and the answer says so');
      }
      assert.equal((await succeed(daemon, 'reopen-logs')).stderr, '');
      await assertMended();
      assert.ok(daemon.log().some(({ msg }) => /pool alice: log .* is open again/.test(String(msg))));
    });

    await scope.test('once more: a reload opens it', async () => {
      obstruct();
      await replaceWorker();
      await assertTold();
      clear();
      const { stdout } = await succeed(daemon, 'reload', 'alice');
      assert.doesNotMatch(stdout, /could not/);
      await assertMended();
    });

    await scope.test('open, and not anew at a rotation: a reload mends that, too', async () => {
      obstruct();
      assert.match((await succeed(daemon, 'reopen-logs')).stderr, TOLD);
      await assertTold();
      clear();
      await succeed(daemon, 'reload', 'alice');
      await assertMended();
    });
  });

suite('root/unopened-log-start', { root: true, needs: ['setpriv'] }, async scope => {
  const { home, log, logs, pool, obstruct, clear } = aliceHome(scope);
  writeFileSync(join(scope.dir, 'secret'), '');
  obstruct();
  const daemon = await startDaemon(scope, {
    pools: { alice: pool(SILENT), other: scriptPool(SILENT) },
    ready: status => poolOf(status, 'other').state === 'running',
    expectedLog: [/alice/],
  });

  await scope.test(
    'a pool whose log cannot be opened fails alone, and starts when it is mended',
    async () => {
      const { state, reason } = poolOf(await daemon.status(), 'alice');
      assert.equal(state, 'failed');
      assert.match(reason ?? '', FORESEEN);
      clear();
      await succeed(daemon, 'reload', 'alice');
      await daemon.statusWhen('alice to run', now => poolOf(now, 'alice').state === 'running');
      assert.ok(existsSync(log));
    },
  );

  for (const [what, put, why] of [
    ['a link', () => symlinkSync(join(scope.dir, 'new'), log), /alice\.log is a symbolic link/],
    ['a link to nothing above it', () => symlinkSync('nothing', logs), /logs is a symbolic link/],
    ['a fifo', () => execFileSync('mkfifo', [log]), /alice\.log is no regular file/],
    ['a hard link', () => linkSync(join(scope.dir, 'secret'), log), /alice\.log is a hard link/],
  ] as const)
    await scope.test(`check foresees ${what}, and makes nothing`, async () => {
      const isAbove = what.includes('above');
      rmSync(isAbove ? logs : log, { recursive: true });
      put();
      const { code, stdout, stderr } = await daemon.cli('check');
      assert.equal(code, 78);
      assert.match(stdout + stderr, why);
      assert.match(stdout + stderr, /log\.file/);
      rmSync(isAbove ? logs : log);
      if (isAbove) {
        mkdirSync(logs);
        chownSync(logs, ALICE, ALICE);
      }
      assert.equal((await daemon.cli('check')).code, 0);
      assert.deepEqual(readdirSync(logs), []);
      writeFileSync(log, '');
    });

  await scope.test('a home that is not alice’s alone is as it was', () => {
    assert.equal(lstatSync(home).uid, ALICE);
    assert.equal(readFileSync(join(scope.dir, 'secret'), 'utf8'), '');
    assert.equal(existsSync(join(scope.dir, 'new')), false);
  });
});

suite('root/unopened-log-main', { root: true }, async scope => {
  const file = join(scope.dir, 'fpm-ts.log');
  const daemon = await startDaemon(scope, { pools: { www: scriptPool(SILENT) } });

  await scope.test('the main log, obstructed at an upgrade: reopen-logs says so, and mends it', async () => {
    renameSync(file, `${file}.away`);
    mkdirSync(file);
    await succeed(daemon, 'upgrade');
    const refused = await daemon.cli('reopen-logs');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /fpm-ts\.log could not be opened: EISDIR.*go to stderr.*`fpm-ts reopen-logs`/,
    );
    assert.match(daemon.output(), /fpm-ts\.log could not be opened/);
    rmSync(file, { recursive: true });
    await succeed(daemon, 'reopen-logs');
    await succeed(daemon, 'reload');
    assert.match(readFileSync(file, 'utf8'), /"event":"reloaded"/);
  });
});
