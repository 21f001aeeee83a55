/** A user who exchanges the directory of his pool's log, or the log itself: root writes nowhere else, and to all others. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openLogFile } from '../../src/os/log-file.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startExchange } from '../lib/exchange-loop.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const ALICE = 4401;
const BOB = 4402;
const ROUNDS = 2000;

suite('root/exchanged-log', { root: true, needs: ['setpriv'] }, async scope => {
  chmodSync(scope.dir, 0o755);
  const make = (name: string, uid: number, mode = 0o755): string => {
    const path = join(scope.dir, name);
    mkdirSync(path);
    chownSync(path, uid, uid);
    chmodSync(path, mode);
    return path;
  };
  const alice = make('alice', ALICE);
  const logs = make('alice/logs', ALICE);
  const bob = make('bob', BOB);
  const roots = make('roots', 0);
  const sticky = make('sticky', 0, 0o1777);
  const file = join(logs, 'www.log');
  writeFileSync(join(bob, 'www.log'), 'bob\n', { mode: 0o644 });
  const write = (path: string): void => {
    const descriptor = openLogFile(path);
    writeFileSync(descriptor, 'line\n');
    closeSync(descriptor);
  };
  const refused = (path: string, why: RegExp): void => assert.throws(() => write(path), why);

  await scope.test('made as ever: root’s, 0640, and opened again', () => {
    write(file);
    write(file);
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual([uid, gid, (mode & 0o777).toString(8)], [0, 0, '640']);
    assert.equal(readFileSync(file, 'utf8'), 'line\nline\n');
  });

  for (const [to, expected] of [
    [bob, ['www.log']],
    [roots, []],
  ] as const)
    await scope.test(
      `exchanged all the time for a link to ${to === bob ? 'bob' : 'root'}’s directory`,
      async () => {
        symlinkSync(to, join(alice, 'link'));
        const end = await startExchange(scope, ALICE, logs, join(alice, 'link'));
        let done = 0;
        for (let round = 0; round < ROUNDS; round++)
          try {
            write(file);
            done++;
          } catch (error) {
            assert.match((error as Error).message, /\/alice\/logs(\/www\.log)?\b/);
          }
        assert.ok((await end()) > ROUNDS);
        assert.ok(done > 0 && done < ROUNDS, `${done} of ${ROUNDS}`);
        assert.deepEqual(readdirSync(to), expected);
        if (to === bob) assert.equal(readFileSync(join(bob, 'www.log'), 'utf8'), 'bob\n');
        rmSync(join(alice, 'link'));
      },
    );

  await scope.test('a link, a FIFO, a directory, a hard link in place of the log', () => {
    const put = (work: () => void, why: RegExp): void => {
      rmSync(file, { recursive: true, force: true });
      work();
      refused(file, why);
    };
    put(() => symlinkSync(join(roots, 'new'), file), /www\.log is a symbolic link, and another user/);
    put(() => execFileSync('mkfifo', [file]), /no regular file/);
    const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    refused(file, /no regular file/);
    closeSync(reader);
    put(() => mkdirSync(file), /EISDIR/);
    put(() => linkSync(join(bob, 'www.log'), file), /hard link/);
    rmSync(file);
    assert.equal(readFileSync(join(bob, 'www.log'), 'utf8'), 'bob\n');
    assert.deepEqual(readdirSync(roots), []);
  });

  await scope.test(
    'links of root’s are followed, also to a place of a user’s, but not the user’s behind them',
    () => {
      symlinkSync(alice, join(roots, 'alice'));
      write(join(roots, 'alice', 'logs', 'www.log'));
      assert.ok(existsSync(file));
      symlinkSync(join(roots, 'target.log'), join(roots, 'link.log'));
      write(join(roots, 'link.log'));
      assert.ok(existsSync(join(roots, 'target.log')));
      symlinkSync(roots, join(alice, 'back'));
      refused(join(roots, 'alice', 'back', 'x.log'), /alice\/back is a symbolic link/);
      assert.equal(existsSync(join(roots, 'x.log')), false);
    },
  );

  await scope.test('where everybody may write, a file that somebody made first is not ours', () => {
    const first = join(sticky, 'first.log');
    writeFileSync(first, '');
    chownSync(first, ALICE, ALICE);
    refused(first, /a file of uid 4401|EACCES/); // the kernel's own, where fs.protected_regular is set
    write(join(sticky, 'ours.log'));
    assert.equal(lstatSync(join(sticky, 'ours.log')).uid, 0);
  });

  await scope.test('a directory that is missing is named as it was written', () => {
    refused(join(alice, 'missing', 'www.log'), /alice\/missing.*ENOENT/);
  });
});

suite('root/exchanged-log-reopen', { root: true }, async scope => {
  chmodSync(scope.dir, 0o755);
  const [alice, roots] = [join(scope.dir, 'alice'), join(scope.dir, 'roots')];
  for (const dir of [alice, join(alice, 'logs'), roots]) mkdirSync(dir);
  for (const dir of [alice, join(alice, 'logs')]) chownSync(dir, ALICE, ALICE);
  const logs = { alice: join(alice, 'logs', 'alice.log'), own: join(roots, 'own.log') };
  const script = 'while :; do echo tick; sleep 0.1; done';
  const daemon = await startDaemon(scope, {
    pools: {
      alice: scriptPool(script, { 'log.file': logs.alice, user: String(ALICE), group: String(ALICE) }),
      own: scriptPool(script, { 'log.file': logs.own }),
    },
    expectedLog: [/could not be reopened/],
  });
  await until(() => existsSync(logs.alice) && existsSync(logs.own), { what: 'both logs' });
  const rotate = (): void => {
    for (const path of [logs.own, join(scope.dir, 'fpm-ts.log')]) renameSync(path, `${path}.1`);
  };
  const areNew = (): Promise<true | undefined> =>
    until(
      () => (existsSync(logs.own) && readFileSync(logs.own, 'utf8').includes('tick') ? true : undefined),
      {
        what: 'the others to be written anew',
      },
    );

  for (const [what, put] of [
    ['a link', () => symlinkSync(roots, join(alice, 'logs'))],
    ['a loop', () => symlinkSync('logs', join(alice, 'logs'))],
    ['nothing', () => {}],
  ] as const)
    await scope.test(`${what} in place of one pool’s directory: that pool’s alone`, async () => {
      renameSync(join(alice, 'logs'), join(alice, 'kept'));
      put();
      rotate();
      const { code, stderr, stdout } = await daemon.cli('reopen-logs');
      assert.deepEqual([code, stdout], [0, 'logs reopened\n'], stderr);
      assert.match(
        stderr,
        /^fpm-ts: warning: pool alice: log .*alice\.log could not be reopened: .*go on into the file that was/,
      );
      await areNew();
      const status = await daemon.status();
      assert.deepEqual([poolOf(status, 'alice').state, poolOf(status, 'own').state], ['degraded', 'running']);
      assert.match(poolOf(status, 'alice').reason, /alice\.log could not be reopened/);
      assert.equal((await daemon.cli('status', '--check')).code, 1);
      const kept = join(alice, 'kept', 'alice.log');
      const { size } = statSync(kept);
      await until(() => statSync(kept).size > size, { what: 'its lines to go on where they were' });
      assert.deepEqual(readdirSync(roots).sort(), ['own.log', 'own.log.1']);
      rmSync(join(alice, 'logs'), { force: true });
      renameSync(join(alice, 'kept'), join(alice, 'logs'));
      assert.deepEqual((await daemon.cli('reopen-logs')).stderr, '');
      assert.equal((await daemon.cli('status', '--check')).code, 0);
      rmSync(`${logs.own}.1`);
    });

  await scope.test(
    'in a place of root’s it is root’s to mend: 1, and the others are opened all the same',
    async () => {
      rotate();
      mkdirSync(logs.own);
      const { code, stderr } = await daemon.cli('reopen-logs');
      assert.equal(code, 1);
      assert.match(stderr, /own\.log could not be reopened: .*EISDIR/);
      assert.ok(existsSync(join(scope.dir, 'fpm-ts.log')));
      assert.equal(poolOf(await daemon.status(), 'own').state, 'degraded');
    },
  );
});
