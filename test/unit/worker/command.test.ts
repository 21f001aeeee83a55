/** What is executed for a worker: the chain of programs in front of its command, and its environment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolConfig } from '../../../src/config/types.ts';
import { workerArgv, workerEnvironment, workerSpec } from '../../../src/worker/command.ts';
import type { Identity } from '../../../src/worker/identity.ts';
import { poolConfig } from '../../lib/pool-config.ts';

const POOL: PoolConfig = poolConfig('www', { chdir: '/srv' });

const SELF: Identity = { uid: 33, gid: 33, groups: [33], name: 'www', home: '/srv', isOther: false };
const OTHER: Identity = { ...SELF, groups: [33, 103], isOther: true };

/** Without the directories, which differ between systems. */
function chain(pool: Partial<PoolConfig>, identity: Identity): string {
  const environment = pool.clearEnv === false ? { TZ: 'UTC' } : (pool.env ?? {});
  const { argv } = workerArgv({ ...POOL, ...pool }, identity, environment);
  return argv.map(word => word.replace(/^\/(usr\/)?s?bin\//, '')).join(' ');
}

const everything: Partial<PoolConfig> = {
  process: { priority: 5, oomScoreAdj: 300, noNewPrivileges: true },
  rlimitFiles: 100,
  rlimitCore: 0,
  rlimitNproc: 50,
  rlimitAs: 'unlimited',
  rlimitMemlock: 4096,
};

const limits = 'prlimit --nofile=100 --core=0 --nproc=50 --as=unlimited --memlock=4096 --';

const ROWS: readonly (readonly [string, Partial<PoolConfig>, Identity, string])[] = [
  ['nothing to set: the command alone', {}, SELF, 'cat -'],
  ['another user', {}, OTHER, 'setpriv --reuid=33 --regid=33 --groups=33,103 -- cat -'],
  [
    'a uid without groups',
    {},
    { ...OTHER, groups: [] },
    'setpriv --reuid=33 --regid=33 --clear-groups -- cat -',
  ],
  [
    'a jail',
    { chroot: '/srv/jail', chdir: '/' },
    OTHER,
    'chroot --userspec=+33:+33 --groups=+33,+103 . cat -',
  ],
  [
    'a jail and a directory inside',
    { chroot: '/srv/jail', chdir: '/app' },
    OTHER,
    'chroot --userspec=+33:+33 --groups=+33,+103 . sh -c cd "$0" && unset PWD OLDPWD SHLVL && exec "$@" /app cat -',
  ],
  [
    'variables of the pool come behind the credentials, and arguments hold their names only',
    { env: { LANGUAGE: '/srv/a', SECRET: 'x' } },
    OTHER,
    `setpriv --reuid=33 --regid=33 --groups=33,103 -- env -i -S LANGUAGE=\${FPM_TS_0} SECRET=\${FPM_TS_1} cat -`,
  ],
  [
    'the same in a jail, where only its own env can be found',
    { chroot: '/srv/jail', chdir: '/', env: { LD_LIBRARY_PATH: '/lib' } },
    OTHER,
    `chroot --userspec=+33:+33 --groups=+33,+103 . env -i -S LD_LIBRARY_PATH=\${FPM_TS_0} cat -`,
  ],
  [
    'what nobody but a worker acts on needs no env',
    { env: { PHP_FCGI_CHILDREN: '4', HOME: '/srv' } },
    OTHER,
    'setpriv --reuid=33 --regid=33 --groups=33,103 -- cat -',
  ],
  [
    'the number of the process goes through env, too',
    { listen: { ...POOL.listen, pass: 'systemd' }, env: { APP: '1' } },
    SELF,
    `sh -c unset PWD OLDPWD SHLVL; LISTEN_PID=$$ exec "$@" sh env -i -S LISTEN_PID=\${LISTEN_PID} APP=\${FPM_TS_0} cat -`,
  ],
  [
    'what a jail gets of our own environment needs nothing inside of it',
    { chroot: '/srv/jail', chdir: '/', clearEnv: false },
    OTHER,
    'chroot --userspec=+33:+33 --groups=+33,+103 . cat -',
  ],
  ['nothing in front: the environment alone', { env: { LD_PRELOAD: '/srv/a.so' } }, SELF, 'cat -'],
  [
    'everything, as ourselves',
    everything,
    SELF,
    `nice -n 5 choom -n 300 -- ${limits} setpriv --no-new-privs -- cat -`,
  ],
  [
    'everything, as another user',
    everything,
    OTHER,
    `nice -n 5 choom -n 300 -- ${limits} setpriv --no-new-privs --reuid=33 --regid=33 --groups=33,103 -- cat -`,
  ],
  [
    'everything, in a jail: privileges first, the user last',
    { ...everything, chroot: '/srv/jail', chdir: '/' },
    OTHER,
    `nice -n 5 choom -n 300 -- ${limits} setpriv --no-new-privs -- chroot --userspec=+33:+33 --groups=+33,+103 . cat -`,
  ],
  [
    'the socket as systemd hands it over',
    { listen: { ...POOL.listen, pass: 'systemd' } },
    SELF,
    'sh -c unset PWD OLDPWD SHLVL; LISTEN_PID=$$ exec "$@" sh cat -',
  ],
];

for (const [name, pool, identity, expected] of ROWS) {
  void test(`chain: ${name}`, () => assert.equal(chain(pool, identity), expected));
}

void test('the programs in front are the system’s, whatever PATH the worker has', () => {
  const { argv } = workerArgv({ ...POOL, ...everything, env: { PATH: '/srv/evil' } }, OTHER, {});
  for (const name of ['nice', 'choom', 'prlimit', 'setpriv'])
    assert.ok(
      argv.some(word => word.startsWith('/') && word.endsWith(`/${name}`)),
      name,
    );
});

void test('a command that is not there is said at once, not as an exit code of what stands in front of it', () => {
  const spec = (pool: Partial<PoolConfig>): unknown =>
    workerSpec({ ...POOL, chdir: '/', ...pool }, OTHER, null, {});
  assert.throws(() => spec({ command: ['/nonexistent/x'] }), /\/nonexistent\/x/);
  assert.throws(() => spec({ command: ['/etc/passwd'] }), /\/etc\/passwd/);
  assert.throws(() => spec({ command: ['cat'], env: { PATH: '/nonexistent' } }), /cat.*\/nonexistent/);
  assert.ok(spec({ command: ['cat'] }));
  // Inside a jail another file may have that name.
  assert.ok(spec({ command: ['/nonexistent/x'], chroot: '/srv/jail' }));
});

const environment = (pool: Partial<PoolConfig>, env: NodeJS.ProcessEnv = {}): Record<string, string> =>
  workerEnvironment({ ...POOL, ...pool }, SELF, env);

const OURS = {
  TZ: 'Europe/Berlin',
  LANG: 'de_DE.UTF-8',
  PATH: '/opt/node/bin',
  HOME: '/root',
  NOTIFY_SOCKET: '/run/notify',
  LISTEN_FDS: '2',
  LISTEN_PID: '7',
  LISTEN_FDNAMES: 'a:b',
  LISTEN_PIDFDID: '9',
  WATCHDOG_USEC: '100',
  WATCHDOG_PID: '7',
  NODE_OPTIONS: '--inspect',
};

void test('the environment is cleared', () => {
  assert.deepEqual(environment({}, OURS), {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/srv',
    USER: 'www',
    LOGNAME: 'www',
  });
});

void test('not cleared, it holds ours but for what is meant for us', () => {
  assert.deepEqual(environment({ clearEnv: false }, OURS), {
    TZ: 'Europe/Berlin',
    LANG: 'de_DE.UTF-8',
    PATH: '/opt/node/bin',
    HOME: '/srv',
    USER: 'www',
    LOGNAME: 'www',
  });
});

void test('pass_env passes what is named, and never what is meant for us', () => {
  const passEnv = ['TZ', 'UNSET', 'NODE_OPTIONS', 'NOTIFY_SOCKET', 'LISTEN_FDS', 'WATCHDOG_USEC'];
  const { TZ, UNSET, NODE_OPTIONS, NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC } = environment(
    { passEnv },
    OURS,
  );
  assert.equal(TZ, 'Europe/Berlin');
  assert.deepEqual([UNSET, NODE_OPTIONS, NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC], Array(5).fill(undefined));
});

/** Variables that some C library or program acts on; nobody knows all of them. */
const WITH_MEANING = {
  LANGUAGE: '../../srv/evil',
  LANG: 'de_DE.UTF-8',
  LC_ALL: 'C.UTF-8',
  TZ: ':/srv/evil',
  LD_AUDIT: '/srv/a.so',
  BASH_ENV: '/srv/evil',
  POSIXLY_CORRECT: '1',
  APP: 'secret',
};

void test('the programs in front are started with no variable and no argument of the pool’s, wherever it is from', () => {
  for (const from of [{ env: WITH_MEANING }, { clearEnv: false }, { passEnv: Object.keys(WITH_MEANING) }]) {
    const pool = { ...POOL, chdir: '/', ...from };
    const spec = workerSpec(pool, OTHER, null, WITH_MEANING);
    const { PATH, ...others } = spec.env;
    assert.equal(PATH, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
    assert.deepEqual(
      Object.keys(others).filter(name => !/^FPM_TS_\d+$/.test(name)),
      [],
    );
    assert.ok(
      !Object.values(WITH_MEANING).some(value => value.length > 1 && spec.argv.join(' ').includes(value)),
    );
    const direct = workerSpec(pool, SELF, null, WITH_MEANING);
    assert.deepEqual(direct.env, workerEnvironment(pool, SELF, WITH_MEANING));
  }
});

void test('env goes over everything', () => {
  const result = environment({ env: { PATH: '/srv/bin', HOME: '/tmp', TZ: 'UTC' }, passEnv: ['TZ'] }, OURS);
  assert.deepEqual([result.PATH, result.HOME, result.TZ], ['/srv/bin', '/tmp', 'UTC']);
});

void test('php-cgi is told not to quit after 500 requests', () => {
  assert.equal(environment({ command: ['/usr/bin/php-cgi8.2'] }).PHP_FCGI_MAX_REQUESTS, '0');
  const pm = { ...POOL.pm, maxRequests: 1000 };
  assert.equal(environment({ command: ['/usr/bin/php-cgi'], pm }).PHP_FCGI_MAX_REQUESTS, '1000');
  assert.equal(environment({}).PHP_FCGI_MAX_REQUESTS, undefined);
});

void test('FCGI_WEB_SERVER_ADDRS repeats a list of addresses; of a network it knows nothing', () => {
  const addresses = (allowedClients: string[]): string | undefined =>
    environment({ listen: { ...POOL.listen, allowedClients } }).FCGI_WEB_SERVER_ADDRS;
  assert.equal(addresses([]), undefined);
  assert.equal(addresses(['127.0.0.1', '::1']), '127.0.0.1,::1');
  // A program that took part of the list for all of it would refuse the rest.
  assert.equal(addresses(['127.0.0.1', '10.0.0.0/8']), undefined);
});
