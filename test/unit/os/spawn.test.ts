/** What a child is started with, read back by the child itself and from /proc. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeInheritedOnExec } from '../../../src/os/descriptor.ts';
import { softFileLimit } from '../../../src/os/file-limit.ts';
import { readLimit } from '../../../src/os/limits.ts';
import { awaitEnd, pidfdOpen, pidfdSignal, signalProcess } from '../../../src/os/pidfd.ts';
import { spawn } from '../../../src/os/spawn.ts';
import { suite } from '../../lib/suite.ts';

suite('unit/os/spawn', {}, async scope => {
  let runs = 0;

  /** Runs a shell script to its end and returns what it wrote. */
  function run(script: string, options: Partial<Parameters<typeof spawn>[0]> = {}): string {
    const file = join(scope.dir, `output-${++runs}`);
    const output = openSync(file, 'w');
    const nothing = openSync('/dev/null', 'r');
    const descriptors = new Map([
      [0, nothing],
      [1, output],
      [2, output],
    ]);
    const argv = ['sh', '-c', script];
    try {
      awaitEnd(spawn({ path: '/bin/sh', argv, env: {}, descriptors, ...options }));
    } finally {
      closeSync(output);
      closeSync(nothing);
    }
    return readFileSync(file, 'latin1').trimEnd();
  }

  await scope.test('arguments arrive byte for byte', () => {
    const argv = ['sh', '-c', 'printf "%s|" "$@"', 'sh', 'a b', '$HOME', '\'"`\\', 'line\nline', '', 'ü'];
    const wanted = argv.slice(4).map(text => `${text}|`);
    assert.equal(run('', { argv }), Buffer.from(wanted.join('')).toString('latin1'));
  });

  await scope.test('the environment is exactly what was named', () => {
    const env = { A: '1', B: 'two words', EMPTY: '' };
    const text = run('tr "\\0" "\\n" < /proc/$$/environ', { env: { ...env, PATH: '/usr/bin:/bin' } });
    assert.deepEqual(text.split('\n').sort(), ['A=1', 'B=two words', 'EMPTY=', 'PATH=/usr/bin:/bin']);
  });

  await scope.test('directory and umask are the child’s; ours are as before', () => {
    const before = process.umask();
    const directory = openSync('/usr', 'r');
    assert.equal(run('pwd -P; umask', { directory, umask: 0o137 }), '/usr\n0137');
    closeSync(directory);
    assert.equal(process.umask(), before);
  });

  await scope.test('descriptors: those that were named and no other', () => {
    closeInheritedOnExec(); // as the keeper does first thing; whatever Node opens is close-on-exec
    const ours = openSync('/dev/null', 'r');
    const text = run('', { path: '/bin/ls', argv: ['ls', '/proc/self/fd'] });
    closeSync(ours);
    assert.deepEqual(text.split('\n').sort(), ['0', '1', '2', '3'], '3 is the directory that ls reads');
  });

  await scope.test('it leads a session of its own', () => {
    const [pid, group, session] = run('read pid rest < /proc/self/stat; set -- $rest; echo $$ $4 $5').split(
      ' ',
    );
    assert.deepEqual([group, session], [pid, pid]);
  });

  await scope.test('signals: nothing blocked, ignored or caught, though we ignore some', t => {
    const ignore = (): void => {};
    process.on('SIGUSR1', ignore);
    t.after(() => process.off('SIGUSR1', ignore));
    const text = run('', { path: '/bin/cat', argv: ['cat', '/proc/self/status'] });
    for (const name of ['SigBlk', 'SigIgn', 'SigCgt'])
      assert.match(text, new RegExp(`^${name}:\\s+0{16}$`, 'm'), name);
  });

  await scope.test('a command that does not exist is an error that names it', () => {
    assert.throws(() => run('', { path: '/nonexistent/x' }), {
      code: 'ENOENT',
      message: /spawn \/nonexistent\/x/,
    });
  });

  await scope.test('a pidfd reaches that child, and nobody when it has ended', () => {
    const pid = spawn({ path: '/bin/sleep', argv: ['sleep', '300'], env: {}, descriptors: new Map() });
    const pidfd = pidfdOpen(pid);
    assert.equal(pidfdSignal(pidfd, 'SIGKILL'), true);
    awaitEnd(pid);
    assert.equal(pidfdSignal(pidfd, 'SIGKILL'), false);
    closeSync(pidfd);
    assert.throws(() => pidfdOpen(pid), { code: 'ESRCH' });
  });

  await scope.test(
    'the hard descriptor limit is lowered, but not below the soft one, and never raised',
    t => {
      const { hard } = readLimit('files');
      const inherited = softFileLimit.wanted;
      softFileLimit.wanted = '1024';
      t.after(() => {
        softFileLimit.wanted = inherited;
      });
      for (const [filesMax, wanted] of [
        [hard - 7, hard - 7],
        [100, 1024],
        [hard + 7, hard],
        [null, hard],
      ] as const) {
        const pid = spawn({
          path: '/bin/sleep',
          argv: ['sleep', '300'],
          env: {},
          filesMax,
          descriptors: new Map(),
        });
        assert.deepEqual(readLimit('files', pid).hard, wanted);
        signalProcess(pid, 'SIGKILL');
        awaitEnd(pid);
      }
    },
  );

  // Last: a limit cannot be raised again by everybody.
  await scope.test(
    'a hard descriptor limit that was lowered meanwhile takes the soft one down with it',
    () => {
      const before = Number(run('ulimit -S -n'));
      const lower = before - 1;
      execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${lower}:${lower}`]);
      assert.equal(run('ulimit -S -n; ulimit -H -n'), `${lower}\n${lower}`);
    },
  );
});
