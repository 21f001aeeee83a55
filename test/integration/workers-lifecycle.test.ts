/** What a worker is started with, as it and /proc tell it: everything that needs no other user. */
import assert from 'node:assert/strict';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLimit } from '../../src/os/limits.ts';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { type Inspection, inspectPool } from '../lib/inspect.ts';
import { MAIN } from '../lib/paths.ts';
import { poolText, socketOf, WORKER_USER } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const AWKWARD = ['a b', "'", '"', '$HOME', '`id`', '\\', 'two\nlines', '*', '-x', '', 'ü', ';', '$(id)'];

/** What the daemon is started with, and what of it workers may see. */
const OURS = {
  TZ: 'Europe/Berlin',
  SECRET_OF_OURS: 'never',
  NOTIFY_SOCKET: '/nonexistent/notify',
  WATCHDOG_USEC: '30000000',
  LISTEN_FDNAMES: 'stale',
  LISTEN_FDS: '1',
  LISTEN_PID: '1',
};

suite('integration/workers-lifecycle', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const program = await compileFixture('inspect');
  const envFile = join(scope.dir, 'www.env');
  writeFileSync(envFile, 'FROM_FILE="a value"\nOVER=file\n', { mode: 0o600 });
  const pool = (name: string, more: string, keys: Parameters<typeof poolText>[0] = {}): string =>
    `${more}\n${poolText({ command: [program], 'listen.address': socketOf(scope, name), 'pm.max_children': 1, ...keys })}`;
  const daemon = await startDaemon(scope, {
    // A shell between us and the daemon, because Node raises its own soft limit and ours would be inherited.
    program: ['/bin/sh', '-c', 'ulimit -Sn 777; "$@"', 'sh', process.execPath, MAIN],
    env: OURS,
    expectedLog: [/\(NOTIFY_SOCKET\)/], // nobody is there, and that is not what this is about
    pools: {
      plain: pool('plain', '', { command: [program, ...AWKWARD.map(word => word.replaceAll('$', '$$$$'))] }),
      set: pool('set', 'env = { APP_ENV = "production", OVER = "env" }', {
        env_files: [envFile],
        pass_env: ['TZ'],
        umask: '0137',
        chdir: '/usr',
        rlimit_files: 256,
        rlimit_core: 0,
        rlimit_as: '2G',
        rlimit_memlock: '16K',
        'process.priority': 7,
        'process.oom_score_adj': 500,
        'process.no_new_privileges': true,
        'listen.nonblock': false,
      }),
      passing: pool('passing', '', { clear_env: false }),
    },
  });
  const inspect = (name: string): Promise<Inspection> => inspectPool(unixSocket(socketOf(scope, name)));
  const [pid = 0] = workerPids(await daemon.status(), 'plain');
  const plain = await inspect('plain');
  const set = await inspect('set');

  /** A line of /proc/PID/status, which the worker itself cannot have got wrong. */
  const statusLine = (of: number, name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${of}/status`, 'utf8'))?.[1] ?? '';

  await scope.test('the command is executed as it stands, without a shell', () => {
    const expected = AWKWARD.map(word => (word === 'ü' ? '\u00c3\u00bc' : word));
    assert.deepEqual(plain.argv.slice(1), expected);
    assert.equal(realpathSync(`/proc/${pid}/exe`), realpathSync(program));
    assert.equal(plain.pid, pid, 'the programs in front have become the command');
  });

  await scope.test('it leads a session of its own', () => {
    assert.deepEqual([plain.pgid, plain.sid], [pid, pid]);
  });

  await scope.test('no descriptor but 0, 1 and 2', () => {
    assert.deepEqual(plain.descriptors, [0, 1, 2]);
    assert.deepEqual(set.descriptors, [0, 1, 2]);
  });

  await scope.test('no signal is blocked or ignored', () => {
    for (const { blocked, ignored } of [plain, set]) assert.deepEqual([blocked, ignored], [[], []]);
    assert.equal(statusLine(pid, 'SigBlk'), '0'.repeat(16));
    assert.equal(statusLine(pid, 'SigIgn'), '0'.repeat(16));
  });

  await scope.test('the environment is cleared but for PATH, HOME, USER and LOGNAME', () => {
    const names = new Set(plain.environment.map(entry => entry.split('=', 1)[0]));
    assert.deepEqual(names, new Set(['PATH', 'HOME', 'USER', 'LOGNAME']));
    assert.ok(
      plain.environment.includes('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
    );
    if (IS_ROOT) assert.ok(plain.environment.includes(`USER=${WORKER_USER}`));
  });

  await scope.test('env, env_files and pass_env are added, env over env_files', () => {
    for (const entry of ['APP_ENV=production', 'FROM_FILE=a value', 'OVER=env', 'TZ=Europe/Berlin'])
      assert.ok(set.environment.includes(entry), entry);
  });

  await scope.test('with clear_env = false ours is inherited, but for what is meant for us', async () => {
    const { environment } = await inspect('passing');
    assert.ok(environment.includes('SECRET_OF_OURS=never'));
    const ours = /^(NOTIFY_SOCKET|WATCHDOG_USEC|WATCHDOG_PID|LISTEN_\w+|NODE_OPTIONS)=/;
    assert.deepEqual(
      environment.filter(entry => ours.test(entry)),
      [],
    );
  });

  await scope.test('umask and directory', () => {
    assert.deepEqual([plain.umask, plain.cwd], ['0022', '/']);
    assert.deepEqual([set.umask, set.cwd], ['0137', '/usr']);
  });

  await scope.test('resource limits, soft and hard', () => {
    assert.deepEqual(set.limits.files, [256, 256]);
    assert.deepEqual(set.limits.core, [0, 0]);
    assert.deepEqual(set.limits.as, [2 ** 31, 2 ** 31]);
    assert.deepEqual(set.limits.memlock, [16_384, 16_384]);
  });

  await scope.test(
    'without rlimit_files: the soft limit that fpm-ts was started with, and a hard one that event loops can do with',
    () => {
      assert.equal(plain.limits.files[0], 777);
      assert.equal(plain.limits.files[1], Math.min(65_536, readLimit('files').hard));
    },
  );

  await scope.test('nice, the out-of-memory score and no_new_privs', () => {
    const score = (of: number): number => Number(readFileSync(`/proc/${of}/oom_score_adj`, 'utf8'));
    assert.deepEqual([plain.nice, score(plain.pid), plain.no_new_privileges], [0, 0, false]);
    assert.deepEqual([set.nice, score(set.pid), set.no_new_privileges], [7, 500, true]);
    assert.equal(statusLine(set.pid, 'NoNewPrivs'), '1');
  });

  await scope.test('the listener on descriptor 0 blocks, as php-cgi and libfcgi need it', () => {
    assert.equal(plain.stdin_nonblocking, false);
  });
});
