/**
 * The programs that fpm-ts starts as root in front of a worker's command act on no variable that the pool's user can
 * set, and nobody else reads his variables.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unixSocket } from '../lib/ask-pool.ts';
import { compileFixture } from '../lib/compile.ts';
import { startDaemon } from '../lib/daemon.ts';
import { inspectPool } from '../lib/inspect.ts';
import { jailed } from '../lib/jail.ts';
import { until } from '../lib/poll.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const UID = 33;
const SAID_AS_ROOT = 'the catalogue of the user was read';

suite('root/helpers-environment', { root: true, needs: ['gcc', 'libfcgi'] }, async scope => {
  const home = join(scope.dir, 'home');
  const jail = join(home, 'jail');
  mkdirSync(join(jail, 'tmp'), { recursive: true });
  const program = await compileFixture('inspect');
  jailed(jail, program, '/app/inspect');
  jailed(jail, '/usr/bin/env', '/usr/bin/env');
  const catalogue = join(home, 'evil/LC_MESSAGES/coreutils.mo');
  mkdirSync(dirname(catalogue), { recursive: true });
  writeFileSync(catalogue, catalogueOf('failed to run command %s', `${SAID_AS_ROOT} %s`));
  const variables = join(home, 'app.env');
  const value = `it's "quoted" \${HOME} $$ \\n`;
  writeFileSync(
    variables,
    `LANG=C.UTF-8\nLC_ALL=C.UTF-8\nLANGUAGE=${join('../../..', home, 'evil')}\nSECRET='${value.replace("'", '')}'\n`,
  );
  for (const path of [home, jail]) chownSync(path, UID, UID);
  const keys = { env_files: [variables], 'pm.max_children': 1, 'env.APP': value.replaceAll('$', '$$$$') };
  const daemon = await startDaemon(scope, {
    pools: {
      inside: poolText({
        ...keys,
        command: ['/app/inspect'],
        chroot: jail,
        'listen.address': socketOf(scope, 'inside'),
      }),
      outside: poolText({
        ...keys,
        command: [program, 'a b', '$$x'],
        rlimit_files: 300,
        'process.priority': 3,
        'listen.address': socketOf(scope, 'outside'),
      }),
    },
    expectedLog: [/"pool":"inside"/],
  });

  for (const name of ['inside', 'outside']) {
    await scope.test(
      `${name}: the worker has its variables as they were written, and no others`,
      async () => {
        const { environment, argv, uid } = await inspectPool(unixSocket(socketOf(scope, name)));
        const has = new Map(
          environment.map(it => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)]),
        );
        assert.deepEqual(
          [...has.keys()].sort(),
          ['APP', 'HOME', 'LANG', 'LANGUAGE', 'LC_ALL', 'LOGNAME', 'PATH', 'SECRET', 'USER'].sort(),
        );
        assert.deepEqual([has.get('APP'), has.get('SECRET')], [value, value.replace("'", '')]);
        assert.deepEqual(argv.slice(1), name === 'outside' ? ['a b', '$x'] : []);
        assert.deepEqual(uid, [UID, UID, UID]);
      },
    );
  }

  await scope.test('chroot(1) speaks no words of the user’s', async () => {
    const [env, moved] = [join(jail, 'usr/bin/env'), join(jail, 'usr/bin/moved')];
    renameSync(env, moved);
    const [victim = 0] = workerPids(await daemon.status(), 'inside');
    process.kill(victim, 'SIGKILL');
    const said = await until(() => daemon.log().find(it => JSON.stringify(it).includes('/chroot:')), {
      what: 'chroot to fail',
    });
    renameSync(moved, env);
    assert.doesNotMatch(JSON.stringify(said), new RegExp(SAID_AS_ROOT));
    assert.match(JSON.stringify(said), /failed to run command/);
    await daemon.statusWhen('the worker to be back', it => workerPids(it, 'inside').length === 1);
  });

  await scope.test('the catalogue would be read, were it named', () => {
    const env = { PATH: '/usr/sbin:/usr/bin', LC_ALL: 'C.UTF-8', LANGUAGE: join('../../..', home, 'evil') };
    const { stderr } = spawnSync('chroot', ['/', '/no/such'], { env, encoding: 'utf8' });
    assert.match(stderr, new RegExp(SAID_AS_ROOT));
  });
});

/** A message catalogue of one message, as gettext's .mo files are laid out. */
function catalogueOf(message: string, translation: string): Buffer {
  const header = 'Content-Type: text/plain; charset=UTF-8\n';
  const strings = ['', message, header, translation].map(text => Buffer.from(`${text}\0`));
  const numbers = [0x950412de, 0, 2, 28, 44, 0, 60];
  let at = 60;
  for (const text of strings) {
    numbers.push(text.length - 1, at);
    at += text.length;
  }
  const head = Buffer.alloc(60);
  for (const [index, number] of numbers.entries()) head.writeUInt32LE(number, index * 4);
  return Buffer.concat([head, ...strings]);
}
