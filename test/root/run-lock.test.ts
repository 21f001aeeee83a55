/** A local user locks, names and imitates what he can, while no keeper runs: the next start starts. One that runs is found. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { helloPools } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

/** Locks each file that it can open, says how many, and waits for the end of its stdin; with a keeper's name. */
const LOCKS = `
import ctypes, fcntl, os, sys
ctypes.CDLL(None).prctl(15, b'fpm-ts: keeper')
held = []
for path in sys.argv[1:]:
    try:
        held.append(os.open(path, os.O_RDONLY))
        fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error: print(os.path.basename(path), error.strerror, file=sys.stderr)
print(len(held), flush=True)
sys.stdin.read()
`;

suite('root/run-lock', { root: true, needs: ['gcc', 'libfcgi', 'python3', 'setpriv'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    expectedLog: [/keeper \d+ ended without/, /supervisor/, /is there again/],
  });
  const pidFile = join(daemon.runDir, 'fpm-ts.pid');
  const lock = join(daemon.runDir, 'lock');

  /** As an ordinary user. */
  async function locking(...paths: string[]): Promise<{ child: ChildProcess; held: number }> {
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    const child = spawn('setpriv', [...nobody, '/usr/bin/python3', '-c', LOCKS, ...paths], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    scope.defer(() => void child.kill('SIGKILL'));
    assert.ok(child.stdout !== null);
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, held: Number(text.toString()) };
  }

  await scope.test('only root can open the lock; the pid file can be read by all', () => {
    assert.deepEqual([lstatSync(lock).uid, lstatSync(lock).mode & 0o777], [0, 0o600]);
    assert.equal(lstatSync(pidFile).mode & 0o777, 0o644);
    assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
  });

  await scope.test('all that another user can lock is locked: the next keeper starts', async () => {
    await daemon.crash();
    const { child, held } = await locking(pidFile, daemon.runDir, lock);
    assert.equal(held, 2, 'the pid file and the directory');
    await daemon.startAgain();
    assert.equal(readFileSync(pidFile, 'utf8'), `${daemon.pid}\n`);
    child.stdin?.end();
    await once(child, 'exit');
  });

  await scope.test(
    'the pid of a dead keeper is that of a forger by now: the next keeper starts',
    async () => {
      await daemon.crash();
      const { child } = await locking(pidFile);
      writeFileSync(pidFile, `${child.pid}\n`);
      await daemon.startAgain();
      child.stdin?.end();
      await once(child, 'exit');
    },
  );

  await scope.test('one that runs is found by its lock, and by its pid file alone', async () => {
    const start = (): ReturnType<typeof daemon.cli> => daemon.cli('start');
    const second = await start();
    assert.equal(second.code, 75);
    assert.match(second.stderr, new RegExp(`pid ${daemon.pid} runs already`));
    // As one of an earlier version looks, which locks nothing else.
    rmSync(lock);
    const third = await start();
    assert.equal(third.code, 75);
    assert.match(third.stderr, new RegExp(`pid ${daemon.pid} runs already`));
    assert.equal((await daemon.status()).pid, daemon.pid);
  });
});
